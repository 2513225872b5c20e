/**
 * Commands that belong to no builder (protocol §3.4): each has an id, all run beside one another, and
 * their paths are absolute.
 */
import type { WorkerCommand } from "../commands";
import type { CommandChannel } from "../output/update";
import type { Environment } from "../process/environment";
import { BuilderSlot } from "./builder-slot";

/** Far more than builds at once on one host; a bound for a master that has lost its mind. */
const MOST_AT_ONCE = 1_000;

export class FreeCommands {
  readonly #basedir: string;
  readonly #environ: Environment;
  readonly #running = new Map<string, BuilderSlot>();

  constructor(options: { readonly basedir: string; readonly environ: Environment }) {
    this.#basedir = options.basedir;
    this.#environ = options.environ;
  }

  /** Accepts a command, or throws. */
  start(
    id: string,
    command: WorkerCommand,
    channel: CommandChannel,
    { isKept = false } = {},
  ): void {
    if (this.#running.has(id)) throw new Error(`a command ${id} runs already`);
    if (this.#running.size >= MOST_AT_ONCE) throw new Error("too many commands run already");
    const slot = new BuilderSlot(this.#basedir, this.#environ);
    this.#running.set(id, slot);
    void slot.start(id, command, channel, { isKept }).then(() => this.#running.delete(id));
  }

  /** Ends the command of that id; does nothing when it is over. */
  interrupt(id: string, why: string): void {
    this.#running.get(id)?.interrupt(id, why);
  }

  /** The connection is gone: all end in silence, but those that are kept. Resolves when they have. */
  async abandon(): Promise<void> {
    await Promise.all([...this.#running.values()].map((slot) => slot.abandon()));
  }
}
