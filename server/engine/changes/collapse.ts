/**
 * Collapsing (C-107, C-108): a new request takes the place of older ones that still wait for the
 * same builder and differ only in how far their branches had come. Both were made for changes; what
 * a person, a program or another build asked for is never taken from them (decision 12).
 */
import type { Queryable } from "../../db/pool";
import { Batch, Expression } from "../../db/transition";
import { SKIPPED } from "../../domain/builds";
import type { BuildRequestId, OrgId } from "../../domain/ids";

const stamps = (buildset: string) => `(select jsonb_agg(
    jsonb_build_array(s.codebase, s.repository, s.branch, s.project) order by s.codebase)
  from buildset_source_stamp l join source_stamp s on s.id = l.source_stamp_id where l.buildset_id = ${buildset})`;
const hasPatch = (buildset: string) => `exists (select from buildset_source_stamp l
  join source_stamp s on s.id = l.source_stamp_id where l.buildset_id = ${buildset} and s.patch is not null)`;
const hasChanges = (buildset: string) =>
  `exists (select from buildset_change c where c.buildset_id = ${buildset})`;
/** What schedulers set, but for their own name. */
const injected = (set: string) => `(select jsonb_object_agg(p.key, p.value->0)
  from jsonb_each(${set}.properties) p where p.value->>1 = 'Scheduler' and p.key <> 'scheduler')`;

export async function collapseOlder(
  tx: Queryable,
  orgId: OrgId,
  requestId: BuildRequestId,
  actor: string,
): Promise<void> {
  const batch = new Batch(orgId);
  const newer = batch.value(requestId, "bigint");
  batch.moveAll(
    "collapsed",
    "build_request",
    `id in (
      select o.id from build_request n join buildset ns on ns.id = n.buildset_id
      join builder b on b.id = n.builder_id join builder_config bc on bc.id = b.current_config_id
      join build_request o on o.builder_id = n.builder_id and o.org_id = n.org_id and o.state = 'pending' and o.id < n.id
      join buildset os on os.id = o.buildset_id
      where n.id = ${newer} and coalesce((bc.config->>'collapseRequests')::boolean, true)
        and ${hasChanges("ns.id")} and ${hasChanges("os.id")}
        and not ${hasPatch("ns.id")} and not ${hasPatch("os.id")}
        and ${stamps("ns.id")} = ${stamps("os.id")}
        and ${injected("ns")} is not distinct from ${injected("os")}
        and ns.parent_build_id is null and os.parent_build_id is null and not o.is_waited_for
      order by o.id for update of o)`,
    {
      from: "pending",
      to: "done",
      set: {
        result: SKIPPED,
        complete_at: new Expression("now()"),
        collapsed_into_id: requestId,
      },
      reason: `request ${requestId} builds for it, too`,
      actor,
      event: "buildrequests/{id}/complete",
      body: { builderId: "builder_id", result: "result" },
    },
  );
  batch.with(
    "urgent",
    `update build_request set priority = c.priority from (select max(priority) as priority from collapsed) c
     where id = ${newer} and build_request.priority < c.priority`,
  );
  const skipped = batch.value(SKIPPED, "smallint");
  batch.with(
    "buildsets",
    `update buildset s set open_requests = open_requests - 1, worst_result = worse_result(worst_result, ${skipped}),
       complete_at = case when open_requests = 1 then now() end,
       result = case when open_requests = 1 then worse_result(worst_result, ${skipped}) end
     from collapsed c where s.id = c.buildset_id and s.open_requests > 0 returning s.*`,
  );
  batch.tell(
    "buildsets",
    "buildsets/{id}/complete",
    { result: "result" },
    "complete_at is not null",
  );
  await batch.commit(tx);
}
