/** Ids of logs, known before their rows are written. Numbers left over are lost, which is fine. */
import type { Queryable } from "../../db/pool";
import type { LogId } from "../../domain/ids";

const BLOCK = 64;

export class LogIds {
  readonly #q: Queryable;
  #ids: LogId[] = [];
  #refill: Promise<void> | null = null;

  constructor(q: Queryable) {
    this.#q = q;
  }

  /** Usually at hand; every 64th costs a round trip, begun before the last one is used. */
  async next(): Promise<LogId> {
    if (this.#ids.length <= BLOCK / 4) {
      const refill = this.#fetch();
      if (this.#ids.length === 0) await refill;
      else refill.catch(() => {}); // whoever needs the first missing id asks again, and hears it
    }
    return this.#ids.shift() ?? this.next();
  }

  #fetch(): Promise<void> {
    this.#refill ??= this.#q
      .rows<{ id: LogId }>(
        {
          name: "log-ids",
          text: "select nextval(pg_get_serial_sequence('log', 'id')) as id from generate_series(1, $1::int)",
        },
        [BLOCK],
      )
      .then((rows) => {
        this.#ids.push(...rows.map((row) => row.id));
      })
      .finally(() => {
        this.#refill = null;
      });
    return this.#refill;
  }
}
