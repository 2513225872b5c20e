/**
 * One builder on this worker: runs its commands one at a time (protocol §2.8).
 *
 *   idle → running → idle
 *
 * A command that is started while others run waits for their end. It interrupts those that take their
 * time, as with Buildbot; what only looks at files is done first, for masters do ask for several at once
 * (`MultipleFileUpload` with two patterns). Every command ends exactly once through its channel, unless
 * the builder was dropped or the connection lost: then it ends in silence. A command that is kept goes on
 * without a connection; it is ended by whoever keeps it.
 */
import { execute, isInstant, type WorkerCommand } from "../commands";
import type { CommandChannel, Update } from "../output/update";
import { UpdateBatch } from "../output/update-batch";
import type { Environment } from "../process/environment";

/** More than any master that means well has waiting. */
const MOST_UNFINISHED = 1_000;

interface Unfinished {
  readonly isInstant: boolean;
  readonly isKept: boolean;
  readonly stop: AbortController;
}

export class BuilderSlot {
  readonly builderDir: string;
  readonly #environ: Environment;
  readonly #unfinished = new Map<string, Unfinished>();
  #last: Promise<void> = Promise.resolve();
  #abandon = new AbortController();

  constructor(builderDir: string, environ: Environment) {
    this.builderDir = builderDir;
    this.#environ = environ;
  }

  get isBusy(): boolean {
    return this.#unfinished.size > 0;
  }

  /** Accepts a command, or throws. What it returns settles when the command is over. */
  start(
    id: string,
    command: WorkerCommand,
    channel: CommandChannel,
    { isKept = false } = {},
  ): Promise<void> {
    if (this.#unfinished.has(id)) throw new Error(`a command ${id} runs already`);
    if (this.#unfinished.size >= MOST_UNFINISHED) throw new Error("too many commands wait already");
    for (const { isInstant, stop } of this.#unfinished.values()) {
      if (!isInstant) stop.abort("another command was started");
    }
    const stop = new AbortController();
    this.#unfinished.set(id, { isInstant: isInstant(command), isKept, stop });
    const way = isKept ? channel : new QuietableChannel(channel, this.#abandon.signal);
    this.#last = this.#last.then(async () => {
      await this.#run(command, way, stop.signal);
      this.#unfinished.delete(id);
    });
    return this.#last;
  }

  /** Ends the command of that id; does nothing when it is over. */
  interrupt(id: string, why: string): void {
    this.#unfinished.get(id)?.stop.abort(why);
  }

  /**
   * Ends whatever runs without another word to the master, but not what is kept. Resolves when it is
   * gone.
   */
  abandon(): Promise<void> {
    this.#abandon.abort();
    this.#abandon = new AbortController();
    let isKeeping = false;
    for (const { isKept, stop } of this.#unfinished.values()) {
      isKeeping ||= isKept;
      if (!isKept) stop.abort("nobody waits for it");
    }
    return isKeeping ? Promise.resolve() : this.#last;
  }

  async #run(command: WorkerCommand, channel: CommandChannel, stop: AbortSignal): Promise<void> {
    const batch = new UpdateBatch(channel);
    const startedAt = performance.now();
    let problem: string | null = null;
    try {
      const { builderDir } = this;
      await execute(command, { builderDir, environ: this.#environ, batch, stop });
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    if (!stop.aborted) {
      batch.value({ key: "elapsed", value: (performance.now() - startedAt) / 1000 });
    }
    batch.flush();
    channel.complete(problem);
  }
}

/** A channel that falls silent, and never full, once nobody listens. */
class QuietableChannel implements CommandChannel {
  readonly #channel: CommandChannel;
  readonly #silence: AbortSignal;

  constructor(channel: CommandChannel, silence: AbortSignal) {
    this.#channel = channel;
    this.#silence = silence;
  }

  get isFull(): boolean {
    return !this.#silence.aborted && this.#channel.isFull;
  }

  send(updates: readonly Update[]): void {
    if (!this.#silence.aborted) this.#channel.send(updates);
  }

  complete(failure: string | null): void {
    if (!this.#silence.aborted) this.#channel.complete(failure);
  }

  onRoom(resume: () => void): void {
    let isTold = false;
    const once = () => {
      if (!isTold) resume();
      isTold = true;
    };
    this.#channel.onRoom(once);
    this.#silence.addEventListener("abort", once, { once: true });
  }
}
