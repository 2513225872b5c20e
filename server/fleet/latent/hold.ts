/**
 * Who drives a latent worker: one process at a time, which calls its provider. Each hold has an epoch of
 * its own, and every change made under it carries that, so that whoever took over from one that was
 * thought dead is not contradicted by it. One that finds the row held says that there is something to
 * see, and the holder looks once more before it lets go.
 */
import type { Queryable } from "../../db/pool";
import type { ProcessId, WorkerId } from "../../domain/ids";

export interface Hold {
  readonly workerId: WorkerId;
  readonly epoch: number;
}

/** @returns null when there is no such row; the holder, when a living process holds it: it looks once more */
export async function hold(
  q: Queryable,
  workerId: WorkerId,
  ownerId: ProcessId,
): Promise<Hold | { readonly holder: ProcessId } | null> {
  const [row] = await q.rows<{ epoch: number; isOurs: boolean; holder: ProcessId }>(
    {
      name: "hold-latent-worker",
      text: `with seen as (
          select l.id, l.owner_id is null or l.owner_id = $2 or not exists (
            select from process p where p.id = l.owner_id and p.gone_at is null and p.lease_expires_at > now()) as is_free
          from latent_worker l where l.worker_id = $1 for update)
        update latent_worker l set owner_id = case when is_free then $2 else l.owner_id end,
          owner_epoch = l.owner_epoch + is_free::int, look_again = not is_free
        from seen where l.id = seen.id returning l.owner_epoch as epoch, seen.is_free as "isOurs", l.owner_id as holder`,
    },
    [workerId, ownerId],
  );
  if (!row) return null;
  return row.isOurs ? { workerId, epoch: row.epoch } : { holder: row.holder };
}

/** @returns false when somebody had something to show meanwhile, and the hold goes on */
export async function letGoOf(q: Queryable, { workerId, epoch }: Hold): Promise<boolean> {
  const [row] = await q.rows<{ isHeld: boolean }>(
    {
      name: "release-latent-worker",
      text: `update latent_worker set owner_id = case when look_again then owner_id end, look_again = false
        where worker_id = $1 and owner_epoch = $2 returning owner_id is not null as "isHeld"`,
    },
    [workerId, epoch],
  );
  return !row?.isHeld;
}

/** It could not be driven: whoever comes next may, and somebody is to come soon. */
export async function giveBack(q: Queryable, { workerId, epoch }: Hold): Promise<void> {
  await q.rows(
    `with l as (
       update latent_worker set owner_id = null, look_again = false
       where worker_id = $1 and owner_epoch = $2 returning org_id, worker_id)
     insert into deadline (org_id, kind, subject_id, fire_at, reason)
     select org_id, 'latent-worker', worker_id, now(), 'it could not be seen to' from l
     on conflict (kind, subject_id) do update set fire_at = excluded.fire_at`,
    [workerId, epoch],
  );
}
