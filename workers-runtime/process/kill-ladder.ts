/**
 * How a command is made to end (protocol §5.2).
 *
 *   asked      TERM to its group, when the master gave it a time for that
 *   ended      the interrupt signal (KILL unless the master says otherwise) to its group
 *   given up   five seconds later it is still there: nobody waits for it any longer; a last KILL, so
 *              that what ignored a milder signal does not stay behind
 *
 * The group is signalled, never a single process: what the command started goes with it.
 */

const GIVE_UP_AFTER_MS = 5_000;

export interface LadderOptions {
  readonly group: number;
  readonly sigtermTimeSeconds: number | null;
  /** Without `SIG`. */
  readonly interruptSignal: string;
  readonly onGivenUp: () => void;
}

export class KillLadder {
  readonly #options: LadderOptions;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: LadderOptions) {
    this.#options = options;
  }

  climb(): void {
    const { sigtermTimeSeconds } = this.#options;
    if (sigtermTimeSeconds === null) {
      this.#end();
      return;
    }
    this.#signal("SIGTERM");
    this.#timer = setTimeout(() => this.#end(), sigtermTimeSeconds * 1000);
  }

  /** The command is over. */
  cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #end(): void {
    this.#signal(`SIG${this.#options.interruptSignal.replace(/^SIG/, "")}`);
    this.#timer = setTimeout(() => {
      this.#signal("SIGKILL");
      this.#options.onGivenUp();
    }, GIVE_UP_AFTER_MS);
  }

  #signal(name: string): void {
    signalGroup(this.#options.group, name);
  }
}

/** Signals a process group; one that is gone, or a signal nobody knows, is no error. */
export function signalGroup(group: number, name: string): void {
  try {
    process.kill(-group, name);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ERR_UNKNOWN_SIGNAL") signalGroup(group, "SIGKILL");
  }
}
