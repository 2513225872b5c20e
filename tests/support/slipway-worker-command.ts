/**
 * The `slipway-worker` command as people type it, in a home of its own.
 *
 *     const home = await slipwayWorkerHome();
 *     home.command("create-worker", home.at("w"), "host", "w1", "secret");
 *     await home.inBackground("start", home.at("w"));
 *     …
 *     home.remove();
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { workerProgram } from "./slipway-worker";

export interface CommandEnd {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

export interface SlipwayWorkerHome {
  at(...path: string[]): string;
  /** Runs the program to its end; this process stands still meanwhile. */
  command(...args: string[]): CommandEnd;
  /** The same while this process goes on, whose door the worker talks to. */
  inBackground(...args: string[]): Promise<CommandEnd>;
  /** Of all commands from here on. */
  readonly env: Record<string, string>;
  pid(dir: string): number;
  /** Stops the worker in `dir`, if one runs there. */
  stop(dir: string): void;
  remove(): void;
}

export async function slipwayWorkerHome(): Promise<SlipwayWorkerHome> {
  const home = mkdtempSync(join(tmpdir(), "slipway-worker-cli-"));
  const program = join(home, "worker.mjs");
  writeFileSync(program, await workerProgram());
  const small = { PATH: "/usr/bin:/bin", HOME: home };
  // The framework's types want NODE_ENV in every environment; a worker must not have it.
  const env: Record<string, string> = small;
  const options = { env: env as NodeJS.ProcessEnv, cwd: home };
  const command = (...args: string[]) => {
    const told = spawnSync(process.execPath, [program, ...args], { ...options, encoding: "utf8" });
    return { status: told.status, out: told.stdout, err: told.stderr };
  };
  return {
    env,
    at: (...path) => join(home, ...path),
    command,
    inBackground(...args) {
      const child = spawn(process.execPath, [program, ...args], options);
      const told = { out: "", err: "" };
      child.stdout.on("data", (chunk) => (told.out += chunk));
      child.stderr.on("data", (chunk) => (told.err += chunk));
      return new Promise((resolve) =>
        child.once("close", (status) => resolve({ status, ...told })),
      );
    },
    pid: (dir) => Number(readFileSync(join(dir, "twistd.pid"), "utf8")),
    stop(dir) {
      if (existsSync(dir)) command("stop", dir);
    },
    remove: () => rmSync(home, { recursive: true, force: true }),
  };
}
