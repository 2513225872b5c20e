/**
 * A process's row and its lease (HOUSE, Ownership 1).
 *
 * The lease lasts 30 s on the database's clock and is renewed every 5 s. A process that could not
 * renew for 15 s, or finds itself declared gone, is fenced: it stops its own work before anybody
 * may take that work over at 30 s. There is no way back; the supervisor starts a new process.
 */
import type { Queryable } from "../db/pool";
import type { ProcessId } from "../domain/ids";

export const RENEW_MS = 5_000;
export const FENCE_MS = 15_000;
export const LEASE_SECONDS = 30;

export interface Lease {
  readonly processId: ProcessId;
  /** Settles once when this process must stop its work; the reason is for the log. */
  readonly fenced: Promise<string>;
  /** In-order stop: what is left of it may be taken over at once. */
  release(reason: string): Promise<void>;
}

export interface LeaseOptions {
  readonly kind: "web" | "socket" | "jobs";
  readonly host: string;
  readonly pid: number;
  readonly onError: (error: unknown) => void;
}

export async function holdLease(q: Queryable, options: LeaseOptions): Promise<Lease> {
  let renewedAt = performance.now();
  const [row] = await q.rows<{ id: ProcessId }>(
    `insert into process (kind, host, pid, lease_expires_at)
     values ($1, $2, $3, now() + interval '${LEASE_SECONDS} seconds') returning id`,
    [options.kind, options.host, options.pid],
  );
  if (!row) throw new Error("the process could not be registered");
  const processId = row.id;
  let fence: (reason: string) => void = () => {};
  const fenced = new Promise<string>((resolve) => {
    fence = resolve;
  });

  const renew = setInterval(async () => {
    // The lease runs from when the database wrote it; our count begins before that, not at the answer.
    const askedAt = performance.now();
    try {
      const alive = await q.rows(
        {
          name: "renew-lease",
          text: `update process set lease_expires_at = now() + interval '${LEASE_SECONDS} seconds'
            where id = $1 and gone_at is null returning id`,
        },
        [processId],
      );
      if (alive.length === 0) fence("this process was declared gone");
      else renewedAt = Math.max(renewedAt, askedAt);
    } catch (error) {
      options.onError(error);
    }
  }, RENEW_MS);
  // Apart from the renewal, which may hang as long as the database does.
  const watch = setInterval(() => {
    if (performance.now() - renewedAt > FENCE_MS) {
      fence(`the lease could not be renewed for ${FENCE_MS / 1000} s`);
    }
  }, 1_000);
  const stop = () => {
    clearInterval(renew);
    clearInterval(watch);
  };
  void fenced.then(stop);

  return {
    processId,
    fenced,
    async release(reason) {
      stop();
      await declareGone(q, [processId], reason);
    },
  };
}

/** Nobody of these writes any more; what they own may be taken over. */
export async function declareGone(
  q: Queryable,
  processIds: readonly ProcessId[],
  reason: string,
): Promise<void> {
  await q.rows(
    "update process set gone_at = now(), gone_reason = $2 where id = any($1) and gone_at is null",
    [processIds, reason],
  );
}

/** The supervisor saw its child die: no need to wait for the lease. */
export async function declarePidGone(
  q: Queryable,
  host: string,
  pid: number,
  reason: string,
): Promise<number> {
  const rows = await q.rows(
    "update process set gone_at = now(), gone_reason = $3 where host = $1 and pid = $2 and gone_at is null returning id",
    [host, pid, reason],
  );
  return rows.length;
}

/**
 * At a start: rows of this host whose processes are not there any more, because whoever would have
 * said so died with them. @returns how many
 */
export async function declareDeadGone(
  q: Queryable,
  host: string,
  isAlive: (pid: number) => boolean,
): Promise<number> {
  const rows = await q.rows<{ id: ProcessId; pid: number }>(
    "select id, pid from process where host = $1 and gone_at is null",
    [host],
  );
  const dead = rows.filter(({ pid }) => !isAlive(pid)).map(({ id }) => id);
  if (dead.length > 0) await declareGone(q, dead, "not there any more at the next start");
  return dead.length;
}
