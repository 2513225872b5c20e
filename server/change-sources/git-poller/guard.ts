/**
 * Groups of processes that must not outlive this process, however it ends. A shell hears of each
 * through a pipe; when the pipe closes, because nobody holds its other end any more, it kills those
 * that are left.
 */
import { type ChildProcess, spawn } from "node:child_process";

const SCRIPT = `
groups=" "
while read -r what group; do
  case "$what" in
    begin) groups="$groups$group " ;;
    end) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -9 "-$group"; done
`;

let guard: ChildProcess | null = null;

/** @param group of processes, by the number of its first. @returns to be called when it has ended */
export function guardGroup(group: number): () => void {
  const shell = guard ?? start();
  shell.stdin?.write(`begin ${group}\n`);
  return () => void shell.stdin?.write(`end ${group}\n`);
}

function start(): ChildProcess {
  // Apart from us: what is sent to our group must not end it before it has done its work.
  const shell = spawn("/bin/sh", ["-c", SCRIPT], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const forget = () => {
    if (guard === shell) guard = null;
  };
  shell.once("exit", forget);
  shell.once("error", forget);
  shell.stdin?.on("error", forget);
  // Nothing here keeps this process from ending.
  shell.unref();
  (shell.stdin as { unref?(): void } | null)?.unref?.();
  guard = shell;
  return shell;
}
