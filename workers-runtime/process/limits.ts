/**
 * Limits of a running command: silence, time in all, lines (protocol §4.1).
 *
 * Output is frequent and time-outs are rare, so output only notes the time; the timer looks at the
 * note when it fires, and sleeps for what is left.
 */
import type { FailureReason } from "../../server/domain/wire";

export interface Limits {
  readonly timeoutSeconds: number | null;
  readonly maxTimeSeconds: number | null;
  readonly maxLines: number | null;
}

/** Timers cannot be longer; a limit beyond it (24 days) is none. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class LimitWatch {
  readonly #limits: Limits;
  readonly #exceeded: (reason: FailureReason, words: string) => void;
  readonly #timers = new Set<NodeJS.Timeout>();
  #lastOutputAt = performance.now();
  #lines = 0;
  #isHeld = false;
  #isOver = false;

  /** `exceeded` is called at most once, with the reason and how a log header words it. */
  constructor(limits: Limits, exceeded: (reason: FailureReason, words: string) => void) {
    this.#limits = limits;
    this.#exceeded = exceeded;
    const { timeoutSeconds, maxTimeSeconds } = limits;
    if (timeoutSeconds !== null) this.#watchSilence(timeoutSeconds * 1000);
    if (maxTimeSeconds !== null) {
      this.#after(maxTimeSeconds * 1000, () =>
        this.#exceed("timeout", `command timed out: ${maxTimeSeconds} seconds elapsed`),
      );
    }
  }

  /** Whole lines that were written. */
  output(text: Uint8Array): void {
    this.#lastOutputAt = performance.now();
    const { maxLines } = this.#limits;
    if (maxLines === null || this.#isOver) return;
    for (let at = text.indexOf(0x0a); at >= 0; at = text.indexOf(0x0a, at + 1)) this.#lines++;
    if (this.#lines <= maxLines) return;
    const count = `${this.#lines}/${maxLines}`;
    this.#exceed("max_lines_failure", `command exceeds max lines: ${count} written/allowed`);
  }

  /** While we do not read, silence is not the command's. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#lastOutputAt = performance.now();
  }

  end(): void {
    this.#isOver = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #watchSilence(limitMs: number): void {
    const silentMs = this.#isHeld ? 0 : performance.now() - this.#lastOutputAt;
    // A timer may fire a fraction of a millisecond early.
    if (silentMs >= limitMs - 1) {
      const seconds = this.#limits.timeoutSeconds;
      const words = `command timed out: ${seconds} seconds without output`;
      this.#exceed("timeout_without_output", words);
      return;
    }
    this.#after(limitMs - silentMs, () => this.#watchSilence(limitMs));
  }

  #after(delayMs: number, work: () => void): void {
    if (delayMs > LONGEST_TIMER_MS || this.#isOver) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, delayMs);
    this.#timers.add(timer);
  }

  #exceed(reason: FailureReason, words: string): void {
    if (this.#isOver) return;
    this.end();
    this.#exceeded(reason, words);
  }
}
