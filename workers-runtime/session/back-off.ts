/**
 * How long to wait before the next attempt to connect (protocol §2.7): one second, half as much again
 * after each failure; give or take a fifth, so that a thousand workers do not come back to a restarted
 * master at once; and never longer than a minute, or than the worker was told. While something is kept
 * that a master waits for, it is asked sooner.
 */
const FIRST_MS = 1_000;
const FACTOR = 1.5;
export const LONGEST_MS = 60_000;
const SPREAD = 0.2;
const FIRST_AWAITED_MS = 200;
const LONGEST_AWAITED_MS = 3_000;

export class BackOff {
  readonly #longestMs: number;
  readonly #random: () => number;
  #nextMs: number;
  #nextAwaitedMs = FIRST_AWAITED_MS;

  constructor(options: { readonly longestMs: number; readonly random: () => number }) {
    this.#longestMs = Math.min(options.longestMs, LONGEST_MS);
    this.#random = options.random;
    this.#nextMs = Math.min(FIRST_MS, this.#longestMs);
  }

  /** The next delay in milliseconds. */
  next(isAwaited = false): number {
    const delay = isAwaited ? Math.min(this.#nextMs, this.#nextAwaitedMs) : this.#nextMs;
    this.#nextMs = Math.min(this.#nextMs * FACTOR, this.#longestMs);
    this.#nextAwaitedMs = Math.min(this.#nextAwaitedMs * FACTOR, LONGEST_AWAITED_MS);
    const high = Math.min(delay * (1 + SPREAD), this.#longestMs);
    const low = (high * (1 - SPREAD)) / (1 + SPREAD);
    return Math.round(low + (high - low) * this.#random());
  }

  /** An attempt succeeded. */
  reset(): void {
    this.#nextMs = Math.min(FIRST_MS, this.#longestMs);
    this.#nextAwaitedMs = FIRST_AWAITED_MS;
  }
}
