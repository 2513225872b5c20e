/**
 * The calls by which a worker moves a file, one after the other (protocol §4.3).
 *
 * Real workers wait for each answer before the next block. One that does not still finds its blocks
 * written in order.
 *
 * When our end of a transfer fails, the worker is not told: a Python worker that gets a failure here
 * cannot pass it on (its own encoder trips over it) and its command never ends. Instead its calls are
 * answered as if nothing was wrong, without effect, its command is interrupted, and the failure
 * becomes the command's end.
 */
import { messageOf } from "./errors";

export class TransferTurns {
  /** Called once, when our end fails. */
  onFailure: () => void = () => {};
  #last: Promise<unknown> = Promise.resolve();
  #failure: string | null = null;

  /** Why our end failed, or null. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Settles when all calls taken so far are done. */
  async idle(): Promise<void> {
    await this.#last;
  }

  /** Does `work` when its turn comes; `idleAnswer` is the answer once the transfer has failed. */
  take<Answer>(work: () => Promise<Answer>, idleAnswer: Answer): Promise<Answer> {
    const answer = this.#last.then(async () => {
      if (this.#failure !== null) return idleAnswer;
      try {
        return await work();
      } catch (error) {
        this.#failure = messageOf(error);
        this.onFailure();
        return idleAnswer;
      }
    });
    this.#last = answer;
    return answer;
  }
}
