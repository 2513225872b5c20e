import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * Process numbers are given again, in containers almost at once. A process is known for sure by its
 * number together with the moment it started.
 */
export interface ProcessIdentity {
  pid: number;
  /** Opaque; equal for the same process only. Empty where the system does not tell. */
  startedAt: string;
}

/** A process that ended but was not waited for yet (a zombie) is not alive. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return statFields(pid)?.[0] !== "Z";
}

export function identify(pid: number): ProcessIdentity {
  return { pid, startedAt: statFields(pid)?.[19] ?? ps(pid, "lstart=") };
}

export function isSame(known: ProcessIdentity): boolean {
  return isAlive(known.pid) && identify(known.pid).startedAt === known.startedAt;
}

/** Program and arguments, separated by spaces; empty when it cannot be read. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return ps(pid, "args=");
  }
}

/** Fields of `/proc/PID/stat` after the program's name (which may hold spaces): state comes first. */
function statFields(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}

function ps(pid: number, column: string): string {
  if (process.platform === "linux" || process.platform === "win32") return "";
  try {
    return execFileSync("ps", ["-o", column, "-p", String(pid)], { encoding: "utf8" }).trim();
  } catch {
    return "";
  }
}
