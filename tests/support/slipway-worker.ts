/**
 * Our own worker as a process of its own, bundled from the sources as they are.
 *
 *     const worker = await startSlipwayWorker({ port, name: "w1", password: "pass" });
 *     …
 *     await worker.stop();
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type BuildOptions, build } from "esbuild";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
let bundled: Promise<string> | null = null;

/** The program as one file's text; built once for each test process. */
export function workerProgram(): Promise<string> {
  bundled ??= (async () => {
    const { workerBundleOptions } = await import(
      pathToFileURL(join(ROOT, "scripts/build.mjs")).href
    );
    const options: BuildOptions = workerBundleOptions();
    const { outputFiles } = await build({ ...options, sourcemap: false, write: false });
    return outputFiles?.[0]?.text ?? "";
  })();
  return bundled;
}

export interface SlipwayWorkerOptions {
  readonly port: number;
  /** Default: pb. */
  readonly protocol?: "pb" | "msgpack";
  readonly name: string;
  readonly password: string;
  /** More options of `run`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Called with its directory before it starts. */
  readonly prepare?: (dir: string) => void;
  /** Gives the worker a channel to this process. */
  readonly withChannel?: boolean;
}

export interface SlipwayWorker {
  readonly pid: number;
  readonly dir: string;
  readonly process: ChildProcess;
  /** What it has printed so far. */
  readonly output: () => string;
  /** Settles with the exit code (null: by a signal). */
  readonly exited: Promise<number | null>;
  /** SIGTERM, and SIGKILL to one that does not end within ten seconds; removes the directory. */
  stop(): Promise<void>;
}

export async function startSlipwayWorker(options: SlipwayWorkerOptions): Promise<SlipwayWorker> {
  const dir = mkdtempSync(join(tmpdir(), "slipway-worker-"));
  const program = join(dir, "worker.mjs");
  writeFileSync(program, await workerProgram());
  options.prepare?.(dir);
  const small: Record<string, string> = {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    HOME: dir,
    LANG: "C.UTF-8",
    SLIPWAY_WORKER_PASSWORD: options.password,
    ...options.env,
  };
  const child = spawn(
    process.execPath,
    [
      ...[program, "run", "--basedir", dir, "--master", `127.0.0.1:${options.port}`],
      ...["--name", options.name, ...protocolOption(options), ...(options.args ?? [])],
    ],
    {
      env: small as NodeJS.ProcessEnv,
      cwd: dir,
      stdio: ["ignore", "pipe", "pipe", ...(options.withChannel ? (["ipc"] as const) : [])],
    },
  );
  let output = "";
  const keep = (chunk: Buffer) => {
    output += chunk.toString("utf8");
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return {
    pid: child.pid as number,
    dir,
    process: child,
    output: () => output,
    exited,
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await exited;
      clearTimeout(timer);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function protocolOption({ protocol }: SlipwayWorkerOptions): string[] {
  return protocol === "msgpack" ? ["--protocol=msgpack_experimental_v7"] : [];
}
