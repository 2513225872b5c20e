/** The sentence beside each pending request, from the rules the distributor follows. */
import type { Queryable } from "../../db/pool";
import type { OrgId } from "../../domain/ids";
import { whyWaiting as explain, type Waiting } from "../../domain/scheduling";
import { CHOSEN_WORKER, loadCandidates } from "./queue";

export async function whyWaiting(
  q: Queryable,
  orgId: OrgId,
  requestIds: readonly number[],
  now: number,
): Promise<Map<number, Waiting>> {
  if (requestIds.length === 0) return new Map();
  const rows = await q.rows<{
    id: number;
    builder_id: number;
    ahead: number;
    chosen: string | null;
  }>(
    {
      name: "requests-ahead",
      text: `select r.id, r.builder_id, ${CHOSEN_WORKER} as chosen,
          (select count(*) from build_request o where o.org_id = $1 and o.builder_id = r.builder_id and o.state = 'pending'
             and (o.priority > r.priority or (o.priority = r.priority and o.id < r.id))) as ahead
        from build_request r join builder b on b.id = r.builder_id
        where r.org_id = $1 and r.id = any($2) and r.state = 'pending'`,
    },
    [orgId, requestIds],
  );
  const candidates = await loadCandidates(q, orgId, [
    ...new Set(rows.map((row) => row.builder_id)),
  ]);
  return new Map(
    rows.map((row) => [
      row.id,
      explain(candidates.get(row.builder_id) ?? [], row.ahead, now, row.chosen),
    ]),
  );
}
