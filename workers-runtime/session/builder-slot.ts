/**
 * One builder on this worker: runs its commands one at a time (protocol §2.8).
 *
 *   idle → running → idle
 *
 * A command that is started while another runs interrupts that one and waits for its end. Every command
 * ends exactly once through its channel, unless the builder was dropped or the connection lost: then it
 * ends in silence.
 */
import type { Command } from "../../server/domain/wire";
import { execute } from "../commands";
import type { CommandChannel, Update } from "../output/update";
import { UpdateBatch } from "../output/update-batch";
import type { Environment } from "../process/environment";

export class BuilderSlot {
  readonly builderDir: string;
  readonly #environ: Environment;
  #running: { readonly id: string; readonly stop: AbortController } | null = null;
  #last: Promise<void> = Promise.resolve();
  #abandon = new AbortController();

  constructor(builderDir: string, environ: Environment) {
    this.builderDir = builderDir;
    this.#environ = environ;
  }

  get isBusy(): boolean {
    return this.#running !== null;
  }

  start(id: string, command: Command, channel: CommandChannel): void {
    this.#running?.stop.abort("another command was started");
    const running = { id, stop: new AbortController() };
    this.#running = running;
    const silence = this.#abandon.signal;
    this.#last = this.#last.then(async () => {
      await this.#run(command, new QuietableChannel(channel, silence), running.stop.signal);
      if (this.#running === running) this.#running = null;
    });
  }

  /** Ends the command of that id; does nothing when it is over. */
  interrupt(id: string, why: string): void {
    if (this.#running?.id === id) this.#running.stop.abort(why);
  }

  /** Ends whatever runs without another word to the master; resolves when it is gone. */
  abandon(): Promise<void> {
    this.#abandon.abort();
    this.#abandon = new AbortController();
    this.#running?.stop.abort("nobody waits for it");
    return this.#last;
  }

  async #run(command: Command, channel: CommandChannel, stop: AbortSignal): Promise<void> {
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

  send(update: Update): void {
    if (!this.#silence.aborted) this.#channel.send(update);
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
