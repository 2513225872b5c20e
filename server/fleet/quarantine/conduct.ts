/**
 * What the end of a build says of its worker (W-090 to W-093), as parts of the statement that ends
 * the build.
 *
 * Misbehaviour puts the worker in quarantine for 10 s, then twice as long each time, up to an hour.
 * What comes while one lasts neither extends nor doubles it. The count begins anew when a build is
 * finished with a result other than EXCEPTION and RETRY; leaving early leaves it as it is.
 */
import type { Queryable } from "../../db/pool";
import { Batch } from "../../db/transition";
import { historySql } from "../../db/worker-history";
import type { OrgId, WorkerId } from "../../domain/ids";

export const FIRST_SECONDS = 10;
export const LONGEST_SECONDS = 3_600;

/** Seconds of the next quarantine, in SQL over a row of `worker`. Ten doublings are past the longest. */
const NEXT_SECONDS = `least(${FIRST_SECONDS} * 2 ^ least(w.quarantine_count, 10), ${LONGEST_SECONDS})::int`;
export const nextQuarantineSeconds = (worker: string) =>
  NEXT_SECONDS.replaceAll("w.", `${worker}.`);

/** A quarantine that has just begun. */
export interface Quarantine {
  readonly workerId: WorkerId;
  readonly seconds: number;
  /** Tells it from others of the same worker. */
  readonly generation: number;
}

/**
 * The worker of `from`, a named statement with the columns id, org_id, worker_id, builder_id and
 * number of a build, misbehaved. `commit` gives a `Quarantine` as `quarantine`, null if one lasts.
 */
export function quarantine(batch: Batch, from: string, reason: string, actor: string): void {
  const builder = "(select name from builder where id = x.builder_id)";
  const why = `'build #' || x.number || ' of ' || ${builder} || ': ' || ${batch.value(reason, "text")}`;
  begin(batch, from, why, actor);
}

/**
 * A worker misbehaved apart from any build that ends: a latent one that did not start properly.
 * @returns null when it is in quarantine already, or was removed
 */
export async function quarantineWorker(
  q: Queryable,
  worker: { readonly orgId: OrgId; readonly workerId: WorkerId },
  reason: string,
  actor: string,
): Promise<Quarantine | null> {
  const batch = new Batch(worker.orgId);
  const org = batch.value(worker.orgId, "bigint");
  batch.with(
    "culprit",
    `select ${org} as org_id, ${batch.value(worker.workerId, "bigint")} as worker_id`,
  );
  begin(batch, "culprit", batch.value(reason, "text"), actor);
  return (await batch.commit<{ quarantine: Quarantine | null }>(q)).quarantine;
}

/**
 * The same as part of a statement.
 *
 * @param from a named statement with the columns org_id and worker_id
 * @param why SQL for the reason
 */
export function begin(batch: Batch, from: string, why: string, actor: string): void {
  batch.with(
    "quarantined",
    `update worker w set quarantine_count = w.quarantine_count + 1, quarantine_seconds = ${NEXT_SECONDS},
       quarantined_until = now() + make_interval(secs => ${NEXT_SECONDS}),
       quarantine_reason = ${why}
     from ${from} x
     where w.id = x.worker_id and w.org_id = x.org_id and w.removed_at is null
       and (w.quarantined_until is null or w.quarantined_until <= now())
     returning w.id, w.org_id, w.quarantine_count, w.quarantine_seconds, w.quarantined_until, w.quarantine_reason`,
  );
  batch.with(
    "until",
    `insert into deadline (org_id, kind, subject_id, fire_at, reason)
     select org_id, 'worker-quarantine', id, quarantined_until, 'its quarantine is over' from quarantined
     on conflict (kind, subject_id) do update set fire_at = excluded.fire_at`,
  );
  batch.with(
    "quarantine_line",
    historySql({
      kind: "quarantined",
      from: "quarantined",
      worker: "id",
      reason: `quarantine_seconds || ' s, fault ' || quarantine_count || ' in a row: ' || quarantine_reason`,
      actor: batch.value(actor, "text"),
    }),
  );
  batch.tell("quarantined", "workers/{id}/quarantined", { seconds: "quarantine_seconds" });
  batch.returning(
    "quarantine",
    `select json_build_object('workerId', id, 'seconds', quarantine_seconds,
       'generation', (extract(epoch from quarantined_until) * 1000)::bigint) from quarantined`,
  );
}

/** A build of this worker was finished as it should be: its next fault counts as the first. */
export function absolve(batch: Batch, from: string): void {
  batch.with(
    "absolved",
    `update worker w set quarantine_count = 0 from ${from} x where w.id = x.worker_id and w.quarantine_count > 0`,
  );
}
