/**
 * A Docker engine of the test's own: its own data, its own socket, no network but the host's. As root
 * on Linux, with dockerd installed; elsewhere the suites that need it skip themselves and say why.
 *
 *     const engine = await startDockerEngine();
 *     describe.skipIf(engine === null)("…", () => { … engine.host … });
 *     afterAll(() => engine?.stop());
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";

export interface DockerEngine {
  /** As `docker_host` has it. */
  readonly host: string;
  /** The engine itself, past the driver. */
  readonly docker: Docker;
  /** `hostconfig` and `volumes` with which an image without anything has this host's programs. */
  readonly hostfs: {
    readonly image: string;
    readonly volumes: string[];
    readonly hostconfig: { readonly network_mode: string };
  };
  /** Names of all containers, whatever they are at. */
  containers(): Promise<string[]>;
  /** What the daemon has said. */
  output(): string;
  /** SIGKILL. */
  kill(): Promise<void>;
  startAgain(): Promise<void>;
  /** Containers, daemon, data: all of it. */
  stop(): Promise<void>;
}

/** How containers of the image `hostfs` get this host's programs and its network. */
export const HOSTFS: DockerEngine["hostfs"] = {
  image: "hostfs",
  volumes: ["/usr:/usr:ro"],
  hostconfig: { network_mode: "host" },
};

export interface DockerEngineOptions {
  /** More options of dockerd. */
  readonly args?: readonly string[];
  /** More of its environment, such as whose certificates it trusts. */
  readonly env?: Readonly<Record<string, string>>;
}

const DOCKERD = ["/usr/sbin/dockerd", "/usr/bin/dockerd", "/usr/local/bin/dockerd"].find(
  existsSync,
);
const START_MS = 30_000;

/** @returns null, and says why, where there can be none */
export async function startDockerEngine(
  options: DockerEngineOptions = {},
): Promise<DockerEngine | null> {
  const problem = problemHere();
  if (problem !== null) {
    console.warn(`skipped: no Docker engine: ${problem}`);
    return null;
  }
  const folder = mkdtempSync(join(tmpdir(), "slipway-docker-"));
  const engine = createEngine(folder, options);
  try {
    await engine.startAgain();
    await makeImages(engine.docker, folder);
    return engine;
  } catch (error) {
    const said = engine.output().trim().split("\n").slice(-3).join(" | ");
    await engine.stop();
    console.warn(`skipped: no Docker engine: dockerd does not start here: ${said} (${error})`);
    return null;
  }
}

function problemHere(): string | null {
  if (process.platform !== "linux") return "this is not Linux";
  if (process.getuid?.() !== 0) return "not root";
  return DOCKERD === undefined ? "dockerd is not installed (Debian package docker.io)" : null;
}

function createEngine(folder: string, { args = [], env = {} }: DockerEngineOptions): DockerEngine {
  const socketPath = join(folder, "docker.sock");
  const log = join(folder, "dockerd.log");
  const docker = new Docker({ socketPath });
  let daemon: ChildProcess | null = null;
  let ended: Promise<unknown> = Promise.resolve();

  async function launch() {
    rmSync(join(folder, "docker.pid"), { force: true });
    // It died with the daemon; where nobody reaps it, its number looks alive.
    rmSync(join(folder, "exec/containerd/containerd.pid"), { force: true });
    const output = openSync(log, "a");
    const child = spawn(
      DOCKERD as string,
      [
        ...["--data-root", join(folder, "data"), "--exec-root", join(folder, "exec")],
        ...["--pidfile", join(folder, "docker.pid"), "-H", `unix://${socketPath}`],
        // Nothing of this host's network is touched.
        ...["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"],
        ...["--ip-masq=false", "--userland-proxy=false", ...args],
      ],
      { stdio: ["ignore", output, output], env: { ...process.env, DOCKER_HOST: "", ...env } },
    );
    closeSync(output);
    daemon = child;
    ended = new Promise((resolve) => child.once("exit", resolve));
    const giveUpAt = Date.now() + START_MS;
    for (;;) {
      try {
        await docker.ping();
        return;
      } catch (error) {
        if (child.exitCode !== null || Date.now() > giveUpAt) throw error;
        await sleep(25);
      }
    }
  }

  async function end(signal: NodeJS.Signals) {
    daemon?.kill(signal);
    const timer = setTimeout(() => daemon?.kill("SIGKILL"), 20_000);
    await ended;
    clearTimeout(timer);
    daemon = null;
  }

  return {
    host: `unix://${socketPath}`,
    docker,
    hostfs: HOSTFS,
    async containers() {
      const all = await docker.listContainers({ all: true });
      return all.map(({ Names }) => Names[0]?.slice(1) ?? "");
    },
    output: () => (existsSync(log) ? readFileSync(log, "utf8") : ""),
    kill: () => end("SIGKILL"),
    startAgain: launch,
    async stop() {
      // One that was killed has left its containers to nobody.
      if (daemon === null && existsSync(join(folder, "data/image"))) await launch().catch(() => {});
      for (const { Id } of await docker.listContainers({ all: true }).catch(() => [])) {
        await docker
          .getContainer(Id)
          .remove({ force: true, v: true })
          .catch(() => {});
      }
      await end("SIGTERM");
      endShims(folder);
      unmountBelow(folder);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What a killed daemon had begun and nobody went on with: a container that was not started yet. */
function endShims(folder: string): void {
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const read = (pid: string, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, "utf8");
    } catch {
      return "";
    }
  };
  const shims = processes.filter((pid) => read(pid, "cmdline").includes(`${folder}/exec/`));
  const isOfOne = (pid: string) =>
    shims.includes(/^PPid:\s+(\d+)/m.exec(read(pid, "status"))?.[1] ?? "");
  for (const pid of [...processes.filter(isOfOne), ...shims]) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It ended by itself.
    }
  }
}

export function unmountBelow(folder: string): void {
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
  const ours = mounts
    .map((line) => line.split(" ")[1] ?? "")
    .filter((at) => at.startsWith(`${folder}/`));
  for (const at of ours.sort().reverse()) execFileSync("umount", ["-l", at]);
}

/**
 * `hostfs`: nothing but directories and links, to be run with the host's /usr. `tiny`: busybox, for
 * Dockerfiles to begin from.
 */
export async function makeImages(docker: Docker, folder: string): Promise<void> {
  const root = join(folder, "hostfs");
  for (const name of ["usr", "sbin", "etc", "proc", "sys", "dev", "worker", "root", "var/tmp"]) {
    mkdirSync(join(root, name), { recursive: true });
  }
  // In /sbin the engine puts its own init, where the host's /usr cannot be written.
  mkdirSync(join(root, "tmp"), { mode: 0o1777 });
  for (const name of ["bin", "lib", "lib64"]) symlinkSync(`usr/${name}`, join(root, name));
  writeFileSync(
    join(root, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\nworker:x:1000:1000::/worker:/bin/sh\n",
  );
  await importImage(docker, root, "hostfs", [
    "ENV PATH=/usr/local/bin:/usr/bin:/bin",
    "WORKDIR /worker",
    'CMD ["/bin/sleep","100000"]',
  ]);
  const busybox = ["/bin/busybox", "/usr/bin/busybox"].find(existsSync);
  if (busybox === undefined) return;
  const tiny = join(folder, "tiny");
  for (const name of ["bin", "tmp", "etc", "proc", "sys", "dev", "root"]) {
    mkdirSync(join(tiny, name), { recursive: true });
  }
  execFileSync("cp", [busybox, join(tiny, "bin/busybox")]);
  for (const applet of execFileSync(busybox, ["--list"], { encoding: "utf8" }).trim().split("\n")) {
    if (applet !== "busybox") symlinkSync("busybox", join(tiny, "bin", applet));
  }
  writeFileSync(join(tiny, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  await importImage(docker, tiny, "tiny", ["ENV PATH=/bin", 'CMD ["sleep","100000"]']);
}

async function importImage(docker: Docker, root: string, name: string, changes: readonly string[]) {
  const tar = execFileSync("tar", ["-C", root, "-c", "."], { maxBuffer: 64 * 1024 * 1024 });
  const archive = join(root, "..", `${name}.tar`);
  writeFileSync(archive, tar);
  const stream = await docker.importImage(archive, { repo: name, tag: "latest", changes });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (String(chunk).includes('"error"')) throw new Error(String(chunk));
  }
}
