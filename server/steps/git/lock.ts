/** The lock file that kept git from its work, below `.git`, from what it printed. Pure. */

const LOCK = /Unable to create '(?:[^'\n]*\/)?\.git\/([\w.+@=/-]+\.lock)': File exists/;
const CONFIG_LOCK =
  /could not lock config file (?:[^\n]*\/)?\.git\/((?:[\w.+@=-]+\/)*config(?:\.worktree)?): File exists/;

/** Null: no lock was in the way, or none that is surely below `.git`. */
export function lockInTheWay(printed: string): string | null {
  const config = CONFIG_LOCK.exec(printed)?.[1];
  const lock = LOCK.exec(printed)?.[1] ?? (config === undefined ? undefined : `${config}.lock`);
  return lock === undefined || lock.split("/").includes("..") ? null : lock;
}
