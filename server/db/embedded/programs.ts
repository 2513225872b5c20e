import { type ChildProcess, spawn } from "node:child_process";
import { hostEnv } from "../../env";
import type { Account } from "./account";

/** Enough of a program's output to explain why it failed. */
const KEPT_OUTPUT = 16_384;

/** Runs one of PostgreSQL's programs to its end; rejects with what it printed when it fails. */
export async function runToEnd(account: Account, program: string, args: string[]): Promise<void> {
  const child = spawnAs(account, program, args);
  const output = keepOutput(child);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (status !== 0) throw new Error(`the database could not be made: ${output().trim()}`);
}

/**
 * Starts the server and returns once it takes connections. It gets its own process group: Ctrl-C at
 * the terminal must not reach it before those who use it, and it may outlive a killed parent.
 */
export async function launch(account: Account, args: string[]): Promise<ChildProcess> {
  const child = spawnAs(account, account.binaries.postgres, args);
  const output = keepOutput(child);
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => reject(new Error(`the database did not start: ${output().trim()}`)));
    child.stderr?.on("data", () => {
      if (output().includes("ready to accept connections")) resolve();
    });
  });
  return child;
}

function spawnAs(account: Account, program: string, args: string[]): ChildProcess {
  const [command, allArgs] = account.command(program, args);
  return spawn(command, allArgs, {
    ...account.spawnOptions,
    cwd: "/",
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...hostEnv(), LC_ALL: "C", TZ: "UTC" },
  });
}

/** Reads on for as long as the program lives, so its pipe never fills; keeps only the last part. */
function keepOutput(child: ChildProcess): () => string {
  let kept = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      kept = (kept + text).slice(-KEPT_OUTPUT);
    });
  }
  return () => kept;
}
