/** What a container is, in the words of a driver. */
import type { InstanceReport } from "../contract";
import { passwordIn } from "./container-spec";
import type { ContainerFacts, Engine } from "./engine";
import { without } from "./errors";

const LAST_LINES = 100;
const LAST_CHARACTERS = 8_000;

/** Of shells and of the engine's init. */
const MEANS: Readonly<Record<number, string>> = {
  126: " (its command is no program)",
  127: " (its command is not in the image)",
  137: " (it was killed)",
};

export async function reportOf(
  engine: Engine,
  container: ContainerFacts | null,
): Promise<InstanceReport> {
  if (container === null) return { state: "gone", why: "there is no such container" };
  const { Status: status, ExitCode, OOMKilled, Error: error } = container.State;
  switch (status) {
    case "created":
      return { state: "pending", why: error || "the container is made and not started yet" };
    case "running":
    case "restarting":
      return { state: "running", why: `the container is ${status}` };
    case "paused":
      return { state: "running", why: "somebody has paused the container" };
    case "removing":
      return { state: "gone", why: "the container is being removed" };
    case "exited":
    case "dead": {
      const how = OOMKilled
        ? `its memory was not enough (status ${ExitCode}): see mem_limit in hostconfig`
        : `the container ended with status ${ExitCode}${MEANS[ExitCode] ?? ""}`;
      const said = await lastWords(engine, container);
      const words = [how, ...(error ? [error] : []), ...(said ? [`It said:\n${said}`] : [])];
      return { state: "broken", why: words.join(". ") };
    }
    default:
      return { state: "running", why: `the container is ${status}` };
  }
}

/** Of its password nothing. */
export async function lastWords(engine: Engine, { Id, Config }: ContainerFacts): Promise<string> {
  const printed = await engine.printed(Id, LAST_LINES).catch(() => "");
  return without(passwordIn(Config.Env), printed).trimEnd().slice(-LAST_CHARACTERS);
}
