/** Whether the worker is still there: pings, and keepalives at an interval (spec W-030). */
import type { CloseReason } from "./contract";

/** What a heartbeat needs of a connection. */
export interface Line {
  readonly isClosed: boolean;
  /** Whether reading is stopped by us; silence then says nothing of the peer. */
  readonly isHeld: boolean;
  /** Counts the times that reading was stopped. */
  readonly holdCount: number;
  readonly lastHeardAt: number;
  close(reason: CloseReason): void;
}

export class Heartbeat {
  readonly #line: Line;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | null = null;
  #interval: number | null = null;
  /** Changes with the interval, so that a question of the former one schedules no more. */
  #turn = 0;

  constructor(line: Line, now: () => number) {
    this.#line = line;
    this.#now = now;
  }

  /** Whether the worker answers in time; the time begins anew after each pause of our reading. */
  answers(ask: () => Promise<unknown>, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout;
      const settle = (isAlive: boolean) => {
        clearTimeout(timer);
        resolve(isAlive);
      };
      const wait = () => {
        const { holdCount } = this.#line;
        timer = setTimeout(() => {
          if (this.#line.isHeld || this.#line.holdCount !== holdCount) wait();
          else settle(false);
        }, timeoutMs);
      };
      wait();
      ask().then(
        () => settle(true),
        () => settle(false),
      );
    });
  }

  /**
   * Asks every so often, or not any more (null); a question that stays unanswered in silence ends
   * the connection. The same interval again changes nothing.
   */
  every(intervalSeconds: number | null, ask: () => Promise<unknown>, timeoutMs: number): void {
    if (intervalSeconds === this.#interval) return;
    this.stop();
    this.#interval = intervalSeconds;
    if (intervalSeconds !== null && !this.#line.isClosed) {
      this.#askIn(intervalSeconds, ask, timeoutMs);
    }
  }

  #askIn(intervalSeconds: number, ask: () => Promise<unknown>, timeoutMs: number): void {
    const turn = this.#turn;
    const timer = setTimeout(async () => {
      const askedAt = this.#now();
      const isAnswered = await this.answers(ask, Math.min(timeoutMs, intervalSeconds * 1000));
      if (this.#line.isClosed) return;
      // Anything heard meanwhile is as good as the answer.
      if (isAnswered || this.#line.lastHeardAt > askedAt) {
        if (turn === this.#turn) this.#askIn(intervalSeconds, ask, timeoutMs);
      } else {
        this.#line.close({ code: "timeout", message: "the worker did not answer a keepalive" });
      }
    }, intervalSeconds * 1000);
    timer.unref();
    this.#timer = timer;
  }

  stop(): void {
    this.#turn++;
    this.#interval = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}
