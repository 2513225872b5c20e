/**
 * What must be written is tried again while PostgreSQL is away: a restart, a fail-over, a lost
 * connection. It ends when it succeeds, when the answer is a real no, or when this process is
 * fenced and has nothing to write any more.
 */
import { setTimeout as sleep } from "node:timers/promises";

export class Fenced extends Error {
  override readonly name = "Fenced";
}

/** Seconds between tries stay short: the lease decides how long there is to try. */
const DELAYS_MS = [50, 100, 200, 500, 1000, 2000];

export interface InsistOptions {
  readonly fenced: AbortSignal;
  /** Said once, when the waiting begins. */
  readonly onRetry: (what: string, error: unknown) => void;
}

export type Insist = <T>(what: string, work: () => Promise<T>) => Promise<T>;

export function createInsist({ fenced, onRetry }: InsistOptions): Insist {
  return async (what, work) => {
    for (let attempt = 0; ; attempt += 1) {
      if (fenced.aborted) throw new Fenced(`${what}: this process must not write any more`);
      try {
        return await work();
      } catch (error) {
        if (!isOutage(error)) throw error;
        // Once per outage: hundreds of builds may be waiting for the same thing.
        if (attempt === 0) onRetry(what, error);
      }
      const delay = DELAYS_MS[Math.min(attempt, DELAYS_MS.length - 1)];
      await sleep(delay, undefined, { signal: fenced }).catch(() => {});
    }
  };
}

/**
 * Whether the database could not be reached or was going down: SQLSTATE classes 08 (connection),
 * 53 (resources), 57P (shutdown, recovery), 58 (system), a server that is read-only while another
 * takes over, serialisation and deadlock, and socket errors.
 */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  if (/^(08...|53...|57P0[1-5]|58...|25006|40001|40P01)$/.test(code)) return true;
  if (/^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOST|ENET)/.test(code)) return true;
  return /Connection terminated|connection timeout|Client has encountered a connection error/i.test(
    error.message,
  );
}
