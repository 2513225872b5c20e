/**
 * Processes of this host that carry a mark in their environment (Linux). The mark is there from the
 * first moment, is inherited, and outlives whoever started them, so nothing has to be remembered.
 */
import { readdir, readFile } from "node:fs/promises";

export interface Marked {
  readonly pid: number;
  /** Of the programs with that mark, the one that leads its group was started by us. */
  readonly isLeader: boolean;
  readonly isZombie: boolean;
  /** In clock ticks since the host was started: tells it from another with the same number. */
  readonly startedAt: number;
  readonly mark: string;
}

/** All processes whose environment has the variable; those of others cannot be seen. */
export async function markedProcesses(variable: string): Promise<Marked[]> {
  const entries = await readdir("/proc");
  const found = await Promise.all(
    entries.filter((name) => /^\d+$/.test(name)).map((name) => markedProcess(name, variable)),
  );
  return found.filter((each) => each !== null);
}

async function markedProcess(pid: string, variable: string): Promise<Marked | null> {
  try {
    const environ = await readFile(`/proc/${pid}/environ`, "utf8");
    const prefix = `${variable}=`;
    const mark = environ.split("\0").find((line) => line.startsWith(prefix));
    if (!mark) return null;
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // The name, in parentheses, may have anything in it; behind it come state, parent, group.
    const [state, , group, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return {
      pid: Number(pid),
      isLeader: group === pid,
      isZombie: state === "Z",
      startedAt: Number(rest[16]),
      mark: mark.slice(prefix.length),
    };
  } catch {
    // Over, or somebody else's.
    return null;
  }
}
