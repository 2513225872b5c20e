/**
 * Who runs in a worker's directory: `twistd.pid`, which Buildbot's worker writes too, so that neither
 * starts beside the other and either command stops both.
 *
 * A file that was left behind by a worker that died may name a process that has nothing to do with it. A
 * worker's working directory is its own, and so it is told from others where the system shows that.
 */
import {
  existsSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

export const PID_FILE = "twistd.pid";
/** Of the first versions of this program. */
const FORMER_PID_FILE = "slipway-worker.pid";

/** The process id of the worker that runs in this directory, or null. */
export function runningPid(basedir: string): number | null {
  for (const name of [PID_FILE, FORMER_PID_FILE]) {
    const pid = readPid(join(basedir, name));
    // In a container that is started anew the numbers are the same ones again.
    if (pid === null || pid === process.pid || pid === process.ppid) continue;
    if (isAlive(pid) && isWorkerOf(pid, basedir)) return pid;
  }
  return null;
}

/** Says that we run here; false when somebody was quicker. */
export function takePidFile(basedir: string): boolean {
  const path = join(basedir, PID_FILE);
  if (runningPid(basedir) === null) dropPidFiles(basedir);
  try {
    writeFileSync(path, `${process.pid}\n`, { flag: "wx", mode: 0o644 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
  process.on("exit", () => {
    if (readPid(path) === process.pid) rmSync(path, { force: true });
  });
  return true;
}

export function dropPidFiles(basedir: string): void {
  for (const name of [PID_FILE, FORMER_PID_FILE]) rmSync(join(basedir, name), { force: true });
}

function readPid(path: string): number | null {
  try {
    const pid = Number(readFileSync(path, "utf8"));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function isWorkerOf(pid: number, basedir: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(basedir);
  } catch (error) {
    // What has ended has no working directory. Where there is no /proc, or it is not for us to look
    // into, the number is believed.
    return (error as NodeJS.ErrnoException).code !== "ENOENT" || !existsSync("/proc/self/cwd");
  }
}
