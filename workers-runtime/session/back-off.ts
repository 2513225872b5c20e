/**
 * How long to wait before the next attempt to connect (protocol §2.7): one second, half as much again
 * after each failure, at most a minute; give or take a fifth, so that a thousand workers do not come
 * back to a restarted master at once.
 */
const FIRST_MS = 1_000;
const FACTOR = 1.5;
export const LONGEST_MS = 60_000;
const SPREAD = 0.2;

export class BackOff {
  readonly #longestMs: number;
  readonly #random: () => number;
  #nextMs: number;

  constructor(options: { readonly longestMs: number; readonly random: () => number }) {
    this.#longestMs = Math.min(options.longestMs, LONGEST_MS);
    this.#random = options.random;
    this.#nextMs = Math.min(FIRST_MS, this.#longestMs);
  }

  /** The next delay in milliseconds. */
  next(): number {
    const delay = this.#nextMs;
    this.#nextMs = Math.min(delay * FACTOR, this.#longestMs);
    return Math.round(delay * (1 - SPREAD + 2 * SPREAD * this.#random()));
  }

  /** An attempt succeeded. */
  reset(): void {
    this.#nextMs = Math.min(FIRST_MS, this.#longestMs);
  }
}
