/**
 * Locks taken and let go in the statement of what they are for, so that whatever becomes of us nobody
 * holds what he does not need, and nobody works without what he needs.
 */
import type { Batch } from "../../db/transition";
import type { LockGrant } from "../../domain/locks";

/** Where those who wait for locks hear that some were let go. */
export const LOCKS = "slipway_locks";

/**
 * The places are taken, or the statement is stale because somebody was quicker.
 * @param build SQL for the build's id
 * @param step SQL for the step's, or null for all of the build
 */
export function takeLocks(
  batch: Batch,
  org: string,
  grants: readonly LockGrant[],
  build: string,
  step: string | null,
): void {
  const rows = grants.flatMap(({ lockId, scope, places, isExclusive }) =>
    places.map((place) => ({ lock_id: lockId, scope, place, is_exclusive: isExclusive })),
  );
  if (rows.length === 0) return;
  const value = batch.value(JSON.stringify(rows), "jsonb");
  batch.with(
    "locks_taken",
    `insert into lock_owner (org_id, lock_id, scope, place, is_exclusive, build_id, step_id)
     select ${org}, x.lock_id, x.scope, x.place, x.is_exclusive, ${build}, ${step ?? "null::bigint"}
     from jsonb_to_recordset(${value}) as x (lock_id bigint, scope bigint, place int, is_exclusive boolean)
     order by x.lock_id, x.scope, x.place
     returning lock_id`,
    rows.length,
  );
}

/**
 * Lets go of what meets `where`, and of waiting for more. `commit` tells in `freed` whether anything was
 * held. Steps that wait are woken with the transaction: no death of ours leaves them asleep.
 */
export function dropLocks(batch: Batch, where: string): void {
  batch.with("locks_freed", `delete from lock_owner where ${where} returning lock_id, scope`);
  batch.with("locks_unwanted", `delete from lock_waiter where ${where} returning lock_id, scope`);
  batch.returning("freed", "exists (select from locks_freed)");
  batch.returning(
    "locks_told",
    `select count(pg_notify('${LOCKS}', '')) from (
       select from (select * from locks_freed union all select * from locks_unwanted) f
       where exists (select from lock_waiter w where w.lock_id = f.lock_id and w.scope = f.scope) limit 1) x`,
  );
}
