/**
 * Two kinds of work share one PostgreSQL and its processors. While somebody waits for the first, the
 * second gives way: its statements go one behind the other, and after each it rests for twice as long as
 * that one took, so that two thirds of what it would use are free. Nothing is held back for longer than the
 * right of way lasts, and while nobody has it, a statement costs one comparison more.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "./pool";

/** Of the time that a statement took. */
const REST = 2;
/** A statement that itself waited, for a lock or a busy machine, says little about what it used. */
const MOST_REST_MS = 20;

interface Clock {
  /** In milliseconds, never going back. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
}

export class RightOfWay {
  #until = 0;
  /** Ends when the statement that gives way last has had its rest. */
  #line: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly clock: Clock = { now: () => performance.now(), sleep: (ms) => sleep(ms) },
  ) {}

  /** What is being waited for goes first from now on for so many milliseconds. */
  goFirst(ms: number): void {
    this.#until = Math.max(this.#until, this.clock.now() + ms);
  }

  /**
   * The same database, for work that gives way. A transaction does not rest: what it holds, others may
   * be waiting for.
   */
  givingWay(db: Database): Database {
    return {
      ...db,
      rows: (statement, values) =>
        this.#isTaken()
          ? this.#inLine(() => db.rows(statement, values))
          : db.rows(statement, values),
    };
  }

  #isTaken(): boolean {
    return this.clock.now() < this.#until;
  }

  /** Once the right of way has ended, what still stands in line goes without rests. */
  async #inLine<T>(run: () => Promise<T>): Promise<T> {
    const before = this.#line;
    let leave: () => void = () => {};
    this.#line = new Promise<void>((resolve) => {
      leave = resolve;
    });
    await before;
    const from = this.clock.now();
    try {
      return await run();
    } finally {
      void this.#rest(this.clock.now() - from).then(leave);
    }
  }

  async #rest(taken: number): Promise<void> {
    if (this.#isTaken()) await this.clock.sleep(Math.min(taken * REST, MOST_REST_MS));
  }
}
