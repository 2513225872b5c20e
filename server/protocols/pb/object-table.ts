/**
 * The objects we let one peer call, by number (protocol §2.5).
 *
 * A number is live from the first time it is sent until the peer has released it as often as it was
 * sent. Real workers release when their garbage collector runs, or never; so the heavy part of an
 * object goes with `end`, and only its number stays, for a late call or release. Even those are
 * bounded: the oldest ended numbers are forgotten, and a release of an unknown number is ignored.
 */
import type { Dictionary, Jelly } from "./codec";

/** Answers the calls of the peer. Throwing, or rejecting, is answered by a failure. */
export interface LocalObject {
  call(method: string, args: readonly Jelly[], kwargs: Dictionary): Jelly | Promise<Jelly>;
}

interface Entry {
  object: LocalObject;
  sent: number;
}

export class ObjectTable {
  readonly #live = new Map<number, Entry>();
  /** Numbers of ended objects in the order they ended. */
  readonly #ended = new Set<number>();
  readonly #maxEnded: number;
  #lastNumber = 0;

  constructor(maxEnded: number) {
    this.#maxEnded = maxEnded;
  }

  get size(): number {
    return this.#live.size;
  }

  /** A new number for `object`, counted as sent once. */
  expose(object: LocalObject): number {
    const number = ++this.#lastNumber;
    this.#live.set(number, { object, sent: 1 });
    return number;
  }

  get(number: number): LocalObject | undefined {
    return this.#live.get(number)?.object;
  }

  /** The peer let go of one count. */
  release(number: number): void {
    const entry = this.#live.get(number);
    if (entry === undefined || --entry.sent > 0) return;
    this.#live.delete(number);
    this.#ended.delete(number);
  }

  /** The object has done its work: `rest` answers what may still come. */
  end(number: number, rest: LocalObject): void {
    const entry = this.#live.get(number);
    if (entry === undefined) return;
    entry.object = rest;
    this.#ended.add(number);
    for (const oldest of this.#ended) {
      if (this.#ended.size <= this.#maxEnded) break;
      this.#ended.delete(oldest);
      this.#live.delete(oldest);
    }
  }

  clear(): void {
    this.#live.clear();
    this.#ended.clear();
  }
}
