/** What a container of ours is made of. */
import { type AgentLogin, INSTANCE_VARIABLE, type StartOrder } from "../contract";
import type { ContainerSpec } from "./engine";
import { hostConfigOf } from "./host-config";
import { labelsOf } from "./labels";
import type { DockerConfig } from "./schema";
import { splitCommand } from "./split-command";

export function containerSpec(
  config: DockerConfig,
  image: string,
  { key, tag, agent }: StartOrder,
): ContainerSpec {
  const { command, hostname } = config;
  const argv = typeof command === "string" ? splitCommand(command) : command;
  return {
    Image: image,
    ...(argv.length > 0 && { Cmd: argv }),
    Env: environment(key, agent),
    Labels: labelsOf(key, tag),
    ...(hostname != null && { Hostname: hostname }),
    HostConfig: hostConfigOf(config),
  };
}

/** What the official image's `buildbot.tac` and our worker read (§8.2). */
function environment(key: string, agent: AgentLogin): string[] {
  const { host, port, protocol, name, password } = agent;
  return [
    `BUILDMASTER=${host}`,
    `BUILDMASTER_PORT=${port}`,
    `BUILDMASTER_PROTOCOL=${protocol === "pb" ? "pb" : "msgpack_experimental_v7"}`,
    `WORKERNAME=${name}`,
    `WORKERPASS=${password}`,
    `${INSTANCE_VARIABLE}=${key}`,
  ];
}

/** An engine that names more wants us to look for them in all that is printed. */
const MOST_PASSWORDS = 8;

/** As it stands in the environment of a container that is there. */
export function passwordIn(environment: readonly string[] | null | undefined): string[] {
  const mark = "WORKERPASS=";
  return (environment ?? [])
    .filter((entry) => entry.startsWith(mark))
    .slice(0, MOST_PASSWORDS)
    .map((entry) => entry.slice(mark.length));
}
