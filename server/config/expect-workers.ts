/**
 * Workers that the configuration expects to be connected and that are not are waited for from now on;
 * those that it expects no more are not. A loss that goes on keeps its beginning, and one that counts
 * as missing already is left as it is (W-070 to W-073).
 */
import type { Queryable } from "../db/pool";
import { IS_EXPECTED, lossSql, MISSING_SECONDS } from "../db/worker-loss";
import type { OrgId, WorkerId } from "../domain/ids";

/** @param names of the workers that were added, changed or removed */
export async function expectWorkers(
  tx: Queryable,
  orgId: OrgId,
  names: readonly string[],
): Promise<void> {
  if (names.length === 0) return;
  const rows = await tx.rows<{ id: WorkerId }>(
    `with concerned as (
       select w.id, w.removed_at is not null as is_removed, ${IS_EXPECTED} as is_expected
       from worker w where w.org_id = $1 and w.name = any($2)),
     cleared as (
       delete from deadline d using concerned c where d.kind = 'worker-missing' and d.subject_id = c.id),
     forgotten as (
       delete from worker_loss l using concerned c
       where l.worker_id = c.id and l.back_at is null and l.noticed_at is null and not c.is_expected),
     over as (
       update worker_loss l set back_at = now() from concerned c
       where l.worker_id = c.id and l.back_at is null and l.noticed_at is not null and c.is_removed)
     select id from concerned where is_expected`,
    [orgId, names],
  );
  const ids = rows.map(({ id }) => id);
  if (ids.length === 0) return;
  await tx.rows(
    `with waited as (
       insert into deadline (org_id, kind, subject_id, fire_at, reason)
       select l.org_id, 'worker-missing', l.worker_id, l.lost_at + make_interval(secs => ${MISSING_SECONDS}),
         'it was not connected for ' || ${MISSING_SECONDS} || ' s'
       from worker_loss l join worker w on w.id = l.worker_id
       where l.worker_id = any($1) and l.back_at is null and l.noticed_at is null and w.session_id is null
       on conflict do nothing),
     ${lossSql(`from worker w where w.id = any($1) and w.session_id is null
       and not exists (select from worker_loss o where o.worker_id = w.id and o.back_at is null)`)}
     select count(*) from missing_at`,
    [ids],
  );
}
