/**
 * Podman's service, which answers as a Docker engine does: of the test's own, with its own storage. As
 * root on Linux, with podman installed (it is not installed for the tests); elsewhere its suites skip
 * themselves and say why.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";
import { type DockerEngine, HOSTFS, makeImages, unmountBelow } from "./docker-engine";

const NEEDS = ["/usr/bin/podman", "/usr/bin/catatonit"];
const START_MS = 30_000;

/** Limits below those of any host; a runtime that takes every layout of control groups. */
const CONF = `[containers]
default_ulimits = ["nofile=4096:4096", "nproc=8192:8192"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "${existsSync("/usr/sbin/runc") || existsSync("/usr/bin/runc") ? "runc" : "crun"}"
`;

type PodmanEngine = Pick<DockerEngine, "host" | "docker" | "hostfs" | "containers" | "stop">;

/** @param insecure the name of a registry that it asks without TLS */
export async function startPodmanEngine(insecure?: string): Promise<PodmanEngine | null> {
  const missing = NEEDS.find((path) => !existsSync(path));
  if (process.getuid?.() !== 0 || missing !== undefined) {
    console.warn(`skipped: no Podman: ${missing ? `${missing} is not installed` : "not root"}`);
    return null;
  }
  const folder = mkdtempSync(join(tmpdir(), "slipway-podman-"));
  const at = (name: string) => join(folder, name);
  mkdirSync(at("net"));
  writeFileSync(at("containers.conf"), CONF);
  writeFileSync(
    at("registries.conf"),
    insecure ? `[[registry]]\nlocation = "${insecure}"\ninsecure = true\n` : "",
  );
  const output = openSync(at("service.log"), "a");
  const service: ChildProcess = spawn(
    "/usr/bin/podman",
    [
      ...["--root", at("root"), "--runroot", at("run"), "--network-config-dir", at("net")],
      ...["system", "service", "--time=0", `unix://${at("podman.sock")}`],
    ],
    {
      // It leaves files where it stands.
      cwd: folder,
      env: {
        ...process.env,
        CONTAINERS_CONF: at("containers.conf"),
        CONTAINERS_REGISTRIES_CONF: at("registries.conf"),
      },
      stdio: ["ignore", output, output],
    },
  );
  closeSync(output);
  const ended = new Promise((resolve) => service.once("exit", resolve));
  const docker = new Docker({ socketPath: at("podman.sock") });
  const list = () => docker.listContainers({ all: true });

  async function stop(): Promise<void> {
    for (const { Id } of await list().catch(() => [])) {
      await docker
        .getContainer(Id)
        .remove({ force: true, v: true })
        .catch(() => {});
    }
    service.kill("SIGTERM");
    const timer = setTimeout(() => service.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(timer);
    unmountBelow(folder);
    rmSync(folder, { recursive: true, force: true });
  }

  try {
    for (const giveUpAt = Date.now() + START_MS; ; ) {
      try {
        await docker.ping();
        break;
      } catch (error) {
        if (service.exitCode !== null || Date.now() > giveUpAt) throw error;
        await sleep(25);
      }
    }
    await makeImages(docker, folder);
  } catch (error) {
    const said = readFileSync(at("service.log"), "utf8").trim().split("\n").slice(-3).join(" | ");
    await stop();
    console.warn(`skipped: no Podman: its service does not start here: ${said} (${error})`);
    return null;
  }
  return {
    host: `unix://${at("podman.sock")}`,
    docker,
    hostfs: HOSTFS,
    containers: async () => (await list()).map(({ Names }) => Names[0]?.slice(1) ?? ""),
    stop,
  };
}
