/**
 * Requests whose builder an activation removed can find no worker any more: they are cancelled, so
 * that their buildsets come to an end. Idempotent; woken by activations, and part of every sweep,
 * which also finds what a RETRY or a late submission left waiting.
 */
import type { Queryable } from "../../db/pool";
import { Batch, Expression } from "../../db/transition";
import { CANCELLED } from "../../domain/builds";
import type { BuilderId, OrgId } from "../../domain/ids";

interface Removed {
  readonly id: BuilderId;
  readonly name: string;
}

/** @returns how many builders had requests that waited for nothing */
export async function cancelRemoved(q: Queryable, orgId: OrgId, actor: string): Promise<number> {
  const removed = await q.rows<Removed>(
    {
      name: "removed-builders-waited-for",
      text: `select b.id, b.name from builder b where b.org_id = $1 and b.removed_at is not null
      and exists (select from build_request r where r.org_id = $1 and r.builder_id = b.id and r.state = 'pending')
      order by b.id`,
    },
    [orgId],
  );
  for (const builder of removed) await cancelAll(q, orgId, builder, actor);
  return removed.length;
}

async function cancelAll(
  q: Queryable,
  orgId: OrgId,
  builder: Removed,
  actor: string,
): Promise<void> {
  const reason = `builder ${builder.name} was removed from the configuration`;
  const batch = new Batch(orgId);
  const id = batch.value(builder.id, "bigint");
  const org = batch.value(orgId, "bigint");
  // The builder's row is held: an activation that brings it back comes before or after, not between.
  batch.with(
    "gone",
    `select id from builder where id = ${id} and org_id = ${org} and removed_at is not null for share`,
  );
  batch.moveAll(
    "cancelled",
    "build_request",
    `id in (select r.id from build_request r join gone on gone.id = r.builder_id
       where r.org_id = ${org} and r.state = 'pending' order by r.id for update of r)`,
    {
      from: "pending",
      to: "cancelled",
      set: { result: CANCELLED, complete_at: new Expression("now()") },
      reason,
      actor,
      event: "buildrequests/{id}/cancel",
      body: { builderId: "builder_id" },
    },
  );
  const result = batch.value(CANCELLED, "smallint");
  batch.with(
    "buildsets",
    `update buildset s set open_requests = open_requests - c.requests,
       worst_result = worse_result(worst_result, ${result}),
       complete_at = case when open_requests = c.requests then now() end,
       result = case when open_requests = c.requests then worse_result(worst_result, ${result}) end
     from (select buildset_id, count(*)::int as requests from cancelled group by buildset_id) c
     where s.id = c.buildset_id and s.open_requests >= c.requests returning s.*`,
  );
  batch.tell(
    "buildsets",
    "buildsets/{id}/complete",
    { result: "result" },
    "complete_at is not null",
  );
  const detail = `jsonb_build_object('reason', ${batch.value(reason, "text")}, 'requests', jsonb_agg(id order by id))`;
  batch.with(
    "audited",
    `insert into audit_entry (org_id, actor, action, subject, detail)
     select ${org}, ${batch.value(actor, "text")}, 'request.cancel', ${batch.value(`builder ${builder.name}`, "text")}, ${detail}
     from cancelled having count(*) > 0`,
  );
  await batch.commit(q);
}
