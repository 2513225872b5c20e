/** A worker in the background: `start`, `stop`, `restart`, by the process id in its directory. */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { LOG_FILE } from "./log-file";
import { dropPidFiles, runningPid } from "./pid-file";
import { isWorkerDirectory, type Settings } from "./settings";
import { UsageError } from "./usage";

const LOOK_EVERY_MS = 50;
const START_LIMIT_MS = 15_000;
const STOP_LIMIT_MS = 10_000;

export interface BackgroundOrder {
  readonly basedir: string;
  readonly say: (line: string) => void;
  /** What went wrong is told even to who wants it quiet. */
  readonly complain: (line: string) => void;
}

/** Resolves with the exit status. */
export async function startInBackground(
  { basedir, say, complain }: BackgroundOrder,
  settings: Settings,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  if (runningPid(basedir) !== null) {
    complain(`a worker runs in ${basedir} already`);
    return 1;
  }
  const directory = resolve(basedir);
  // Files of a daemon are its user's alone unless it is told otherwise.
  process.umask(settings.umask ?? 0o077);
  const output = openSync(join(directory, LOG_FILE), "a", 0o640);
  const program = process.argv[1] as string;
  const child = spawn(process.execPath, [program, "start", "--nodaemon", directory], {
    ...{ cwd: directory, detached: true, stdio: ["ignore", output, output], env: environment },
  });
  closeSync(output);
  const exited = new Promise<number>((done) => child.once("exit", (code) => done(code ?? 1)));
  child.unref();
  const isUp = await within(START_LIMIT_MS, () => runningPid(directory) === child.pid, exited);
  if (isUp) say("the worker is started");
  else complain(`the worker did not start; see ${join(basedir, LOG_FILE)}`);
  return isUp ? 0 : 1;
}

/** Resolves with the exit status: nothing to stop is no failure. */
export async function stopInBackground(order: BackgroundOrder): Promise<number> {
  const { basedir, say, complain } = order;
  if (!isWorkerDirectory(basedir)) throw new UsageError(`${basedir}: there is no worker here`);
  const pid = runningPid(basedir);
  if (pid === null) {
    say("no worker runs there");
    return 0;
  }
  try {
    process.kill(pid, "SIGTERM");
    if (!(await within(STOP_LIMIT_MS, () => runningPid(basedir) === null))) {
      complain("the worker does not end; killing it");
      process.kill(pid, "SIGKILL");
      await within(STOP_LIMIT_MS, () => runningPid(basedir) === null);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EPERM") {
      complain(`the worker of process ${pid} is another user's`);
      return 1;
    }
    if (code !== "ESRCH") throw error;
  }
  dropPidFiles(basedir);
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
