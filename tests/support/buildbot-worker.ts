/**
 * A real Python `buildbot-worker` (Debian's package) in a directory of its own, for interop tests.
 *
 *     const worker = await startBuildbotWorker({ host: "127.0.0.1", port, name: "w1", password: "pass" });
 *     …
 *     await worker.stop();
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAM = "/usr/bin/buildbot-worker";

/** The option that makes a worker speak msgpack. */
export const MSGPACK = "--protocol=msgpack_experimental_v7";

/** Whether the real worker is installed; says so once when it is not, so that a skip has a reason. */
export function hasBuildbotWorker(): boolean {
  const isThere = existsSync(PROGRAM);
  if (!isThere && !hasComplained) {
    hasComplained = true;
    console.warn(`skipped: ${PROGRAM} is not installed (Debian package buildbot-worker)`);
  }
  return isThere;
}
let hasComplained = false;

export interface BuildbotWorkerOptions {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly password: string;
  /** The worker's base directory; made if missing. Default: a temporary one, removed by `stop`. */
  readonly dir?: string;
  /** More options of `create-worker`, such as `--allow-shutdown=signal`. */
  readonly args?: readonly string[];
  /** Where to connect instead of host and port, written into its `buildbot.tac` as an admin would. */
  readonly connectionString?: string;
  /** Added to the worker's small environment. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface BuildbotWorker {
  readonly pid: number;
  readonly dir: string;
  readonly logPath: string;
  /** Settles with the exit code when the process ends (null: by a signal). */
  readonly exited: Promise<number | null>;
  /** SIGTERM, then SIGKILL after a while; removes a temporary directory. */
  stop(): Promise<void>;
  /** SIGKILL, as if the machine died. */
  kill(): Promise<void>;
  signal(name: NodeJS.Signals): void;
}

export async function startBuildbotWorker(options: BuildbotWorkerOptions): Promise<BuildbotWorker> {
  const isTemporary = options.dir === undefined;
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), "buildbot-worker-"));
  const small: Record<string, string> = {
    PATH: "/usr/bin:/bin",
    HOME: dir,
    LANG: "C.UTF-8",
    PYTHONWARNINGS: "ignore",
    ...options.env,
  };
  // The framework's types want NODE_ENV in every environment; a worker must not have it.
  const env = small as NodeJS.ProcessEnv;
  if (!existsSync(join(dir, "buildbot.tac"))) {
    execFileSync(
      PROGRAM,
      [
        "create-worker",
        "--umask=0o22",
        ...(options.args ?? []),
        dir,
        `${options.host}:${options.port}`,
        options.name,
        options.password,
      ],
      { env, stdio: "pipe" },
    );
  }
  if (options.connectionString !== undefined) connectBy(options.connectionString, dir);
  const output = openSync(join(dir, "process.out"), "a");
  const child = spawn(PROGRAM, ["start", "--nodaemon", dir], {
    env,
    cwd: dir,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });

  const end = async (first: NodeJS.Signals) => {
    send(child, first);
    const timer = setTimeout(() => send(child, "SIGKILL"), 10_000);
    await exited;
    clearTimeout(timer);
  };
  return {
    pid: child.pid as number,
    dir,
    logPath: join(dir, "twistd.log"),
    exited,
    async stop() {
      await end("SIGTERM");
      if (isTemporary) rmSync(dir, { recursive: true, force: true });
    },
    kill: () => end("SIGKILL"),
    signal: (name) => send(child, name),
  };
}

function connectBy(connectionString: string, dir: string): void {
  const path = join(dir, "buildbot.tac");
  const tac = readFileSync(path, "utf8")
    .replace(/^buildmaster_host = .*$/m, "buildmaster_host = None")
    .replace(/^port = .*$/m, "port = None")
    .replace("numcpus=numcpus,", `numcpus=numcpus, connection_string="${connectionString}",`);
  writeFileSync(path, tac);
}

function send(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal);
}
