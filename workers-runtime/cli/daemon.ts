/** A worker in the background: `start`, `stop`, `restart`, by the process id in its directory. */
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { LOG_FILE } from "./log-file";
import { readSettings } from "./settings";

export const PID_FILE = "slipway-worker.pid";
const LOOK_EVERY_MS = 50;
const START_LIMIT_MS = 15_000;
const STOP_LIMIT_MS = 10_000;

/** The process id of the worker that runs in this directory, or null. */
export function runningPid(basedir: string): number | null {
  try {
    const pid = Number(readFileSync(join(basedir, PID_FILE), "utf8"));
    if (!Number.isSafeInteger(pid) || pid <= 0) return null;
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? -1 : null;
  }
}

export function writePid(basedir: string): void {
  const path = join(basedir, PID_FILE);
  writeFileSync(path, `${process.pid}\n`);
  process.on("exit", () => rmSync(path, { force: true }));
}

/** Resolves with the exit status. */
export async function startInBackground(
  basedir: string,
  say: (line: string) => void,
): Promise<number> {
  readSettings(basedir);
  if (runningPid(basedir) !== null) {
    say(`a worker runs in ${basedir} already`);
    return 1;
  }
  const directory = resolve(basedir);
  const output = openSync(join(directory, LOG_FILE), "a", 0o640);
  const program = process.argv[1] as string;
  const child = spawn(process.execPath, [program, "start", "--nodaemon", directory], {
    ...{ cwd: directory, detached: true, stdio: ["ignore", output, output] },
  });
  closeSync(output);
  const exited = new Promise<number>((done) => child.once("exit", (code) => done(code ?? 1)));
  child.unref();
  const isUp = await within(START_LIMIT_MS, () => runningPid(directory) === child.pid, exited);
  say(isUp ? `the worker is started` : `the worker did not start; see ${join(basedir, LOG_FILE)}`);
  return isUp ? 0 : 1;
}

/** Resolves with the exit status: nothing to stop is no failure. */
export async function stopInBackground(
  basedir: string,
  say: (line: string) => void,
): Promise<number> {
  const pid = runningPid(basedir);
  if (pid === null) {
    say("no worker runs there");
    return 0;
  }
  process.kill(pid, "SIGTERM");
  if (!(await within(STOP_LIMIT_MS, () => runningPid(basedir) === null))) {
    say("the worker does not end; killing it");
    process.kill(pid, "SIGKILL");
    rmSync(join(basedir, PID_FILE), { force: true });
  }
  say("the worker is stopped");
  return 0;
}

async function within(
  limitMs: number,
  isSo: () => boolean,
  givenUp: Promise<unknown> = new Promise(() => {}),
): Promise<boolean> {
  let isOver = false;
  void givenUp.then(() => {
    isOver = true;
  });
  for (let waited = 0; waited < limitMs && !isOver; waited += LOOK_EVERY_MS) {
    if (isSo()) return true;
    await delay(LOOK_EVERY_MS);
  }
  return isSo();
}
