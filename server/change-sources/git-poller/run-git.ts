/**
 * One run of git as a child process: no terminal, no configuration but ours, bounded in time, output
 * and disk. When a bound is passed, or this process dies, its whole process group is killed.
 */
import { spawn } from "node:child_process";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { RepositoryProblem } from "../../domain/git";
import { SourceProblem } from "../contract";
import { type About, gitFailure } from "./failure";
import { guardGroup } from "./guard";

export interface Limits {
  readonly outputBytes: number;
  readonly diskBytes: number;
}

export const LIMITS: Limits = { outputBytes: 64 * 1024 * 1024, diskBytes: 8 * 1024 ** 3 };

export interface GitSurroundings {
  readonly env: Readonly<Record<string, string>>;
  /** `-c` settings for every run. */
  readonly settings: readonly string[];
  readonly stop: AbortSignal;
  readonly limits: Limits;
  /** Told of in failures: what the address is, and what must not be printed. */
  readonly about: About;
}

export type Git = (args: readonly string[], input?: string) => Promise<Buffer>;

const DISK_CHECK_MS = 1_000;
const ERROR_BYTES = 16 * 1024;

export function createGit(directory: string, around: GitSurroundings): Git {
  return async (args, input = "") => {
    const child = spawn("git", [...around.settings.flatMap((one) => ["-c", one]), ...args], {
      cwd: directory,
      env: { ...around.env } as unknown as NodeJS.ProcessEnv,
      // A group of its own, so that the helpers it starts end with it.
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    const unguard = child.pid === undefined ? null : guardGroup(child.pid);
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    let outputBytes = 0;
    let errorBytes = 0;
    let over: SourceProblem | null = null;
    const kill = (reason: string, problem: RepositoryProblem) => {
      over ??= new SourceProblem(reason, { problem });
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // It is gone.
      }
    };
    const onStop = () => kill("it took too long", "too-slow");
    around.stop.addEventListener("abort", onStop, { once: true });
    if (around.stop.aborted) onStop();
    const watch = setInterval(() => {
      void diskBytes(directory).then((bytes) => {
        if (bytes > around.limits.diskBytes) {
          kill(
            `the repository is larger than ${Math.round(around.limits.diskBytes / 1024 ** 2)} MiB`,
            "too-big",
          );
        }
      });
    }, DISK_CHECK_MS);
    child.stdout.on("data", (data: Buffer) => {
      outputBytes += data.length;
      if (outputBytes > around.limits.outputBytes)
        kill("the repository says more than we can hold", "too-many-branches");
      else output.push(data);
    });
    child.stderr.on("data", (data: Buffer) => {
      errors.push(data);
      errorBytes += data.length;
      // The last of it says why.
      while (errors.length > 1 && errorBytes - (errors[0]?.length ?? 0) > ERROR_BYTES) {
        errorBytes -= errors.shift()?.length ?? 0;
      }
    });
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    try {
      const code = await new Promise<number | null>((resolve, reject) => {
        child.once("error", reject);
        child.once("close", resolve);
      });
      if (over !== null) throw over;
      if (code === 0) return Buffer.concat(output);
      throw gitFailure(Buffer.concat(errors).toString("utf8"), around.about);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "ENOENT") throw error;
      throw new SourceProblem("there is no git on this server", {
        cause: error,
        problem: "no-git",
      });
    } finally {
      unguard?.();
      clearInterval(watch);
      around.stop.removeEventListener("abort", onStop);
    }
  };
}

/** Packs are few and large; what else there is does not count. */
async function diskBytes(directory: string): Promise<number> {
  const folder = join(directory, "objects", "pack");
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
