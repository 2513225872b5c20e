/**
 * Ends running commands when this process cannot: it was killed, or the host was short of memory.
 *
 * A shell of a few hundred kilobytes, started with the first command, is told of every process group that
 * begins and ends. Its input ends when this process does, however that comes about; then it kills the
 * groups that are left. What took itself out of its group is out of its sight as well.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Writable } from "node:stream";

const SCRIPT = `trap '' HUP INT TERM
live=' '
while read -r sign group; do
  case $sign in
    +) live="$live$group " ;;
    -) case $live in *" $group "*) live="\${live%% $group *} \${live#* $group }" ;; esac ;;
  esac
done
for group in $live; do kill -s KILL -- -$group; done`;

export class Guardian {
  readonly #groups: ReadonlySet<number>;
  #shell: ChildProcess | null = null;

  /** Watches over the groups in this set, which its owner keeps. */
  constructor(groups: ReadonlySet<number>) {
    this.#groups = groups;
  }

  entered(group: number): void {
    if (this.#shell === null) this.#start();
    else this.#tell(`+ ${group}\n`);
  }

  left(group: number): void {
    this.#tell(`- ${group}\n`);
  }

  #start(): void {
    const shell = spawn("/bin/sh", ["-c", SCRIPT], {
      ...{ cwd: "/", env: {} as NodeJS.ProcessEnv, detached: true },
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#shell = shell;
    const lost = () => {
      if (this.#shell === shell) this.#shell = null;
    };
    shell.on("error", lost);
    shell.on("exit", lost);
    shell.stdin.on("error", lost);
    // Neither keeps a worker that is done.
    shell.unref();
    (shell.stdin as Writable & { unref?(): void }).unref?.();
    for (const group of this.#groups) this.#tell(`+ ${group}\n`);
  }

  #tell(line: string): void {
    this.#shell?.stdin?.write(line);
  }
}
