/**
 * When the doors open. From then on every static worker that is not connected is waited for; those
 * that were waited for already get their whole time anew if nobody's doors were open before, because
 * they could not have come (W-070).
 */
import type { Queryable } from "../../db/pool";
import { lossSql, MISSING_SECONDS } from "../../db/worker-loss";
import type { ProcessId } from "../../domain/ids";

/** A process whose doors are open. */
const IS_OPEN =
  "p.kind = 'socket' and p.ready_at is not null and p.gone_at is null and p.lease_expires_at > now()";

/** Whether workers can come at all; nobody is missing while they cannot. */
export const IS_ANY_DOOR_OPEN = `exists (select from process p where ${IS_OPEN})`;

export async function doorsOpened(q: Queryable, processId: ProcessId): Promise<void> {
  await q.rows(
    `with alone as (select where not exists (select from process p where p.id <> $1 and ${IS_OPEN})),
     postponed as (
       update deadline d set fire_at = greatest(d.fire_at, now() + make_interval(secs => ${MISSING_SECONDS}))
       from alone, worker w where d.kind = 'worker-missing' and w.id = d.subject_id),
     ${lossSql(`from worker w where w.session_id is null
       and not exists (select from worker_loss o where o.worker_id = w.id and o.back_at is null)`)}
     update process set ready_at = now() where id = $1`,
    [processId],
  );
}
