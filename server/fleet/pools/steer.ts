/**
 * A person holds a pool (no more machines), drains it (no more builds either, and machines go when they
 * have none) or lets it go on. Level, not event: what is decided from then on reads it.
 */
import type { Queryable } from "../../db/pool";
import type { OrgId, PoolId } from "../../domain/ids";

export type PoolSteering = "hold" | "drain" | "resume";

const STEERED = {
  name: "steer-pool",
  text: `with steered as (
      update pool set steering = $3, steered_at = now(), steered_by = $4, steer_reason = $5
      where id = $2 and org_id = $1 and removed_at is null returning id, org_id, name),
    closed as (
      update latent_worker l set is_open = false, is_wished = is_wished and $3::text is null
      from steered s join worker w on w.pool_id = s.id
      where l.worker_id = w.id and $3::text is not null and (l.is_open or l.is_wished)),
    seen as (
      insert into deadline (org_id, kind, subject_id, fire_at, reason)
      select w.org_id, 'latent-worker', w.id, now(), 'its pool is steered'
      from steered s join worker w on w.pool_id = s.id join latent_worker l on l.worker_id = w.id
      where l.state not in ('insubstantiated', 'shut-down')
      on conflict (kind, subject_id) do update set fire_at = excluded.fire_at, reason = excluded.reason),
    due as (
      insert into deadline (org_id, kind, subject_id, fire_at, reason)
      select org_id, 'pool', id, now(), 'it is steered' from steered
      on conflict (kind, subject_id) do update set fire_at = excluded.fire_at, reason = excluded.reason),
    told as (
      insert into outbox (org_id, topic, body)
      select org_id, 'pools/' || id || '/update', jsonb_build_object('id', id) from steered),
    noted as (
      insert into audit_entry (org_id, actor, action, subject, detail)
      select org_id, $4, 'pool.' || $6::text, name, jsonb_build_object('reason', $5::text) from steered)
    select id from steered`,
};

/** @returns whether there is such a pool */
export async function steerPool(
  tx: Queryable,
  caller: { readonly orgId: OrgId; readonly actor: string },
  poolId: PoolId,
  how: PoolSteering,
  reason: string,
): Promise<boolean> {
  const to = how === "resume" ? null : how;
  const values = [caller.orgId, poolId, to, caller.actor, reason, how];
  return (await tx.rows(STEERED, values)).length > 0;
}
