import { ms } from "../sql";
import type { OrgScope } from "../trpc";

/** Builds looked back at: what it has not built among them it has not built lately. */
export const LOOK_BACK = 1000;

export interface ServedBuilder {
  id: number;
  name: string;
  /** Builds of it here, among the worker's last thousand. */
  builds: number;
  last: { number: number; result: number; completeAt: number; tookMs: number } | null;
  /** Median of those that succeeded here; null: none did. */
  usualMs: number | null;
}

/** What a worker can build, with how it went the last time on it. */
export async function buildersOfWorker(
  org: OrgScope,
  { workerId }: { workerId: number },
): Promise<ServedBuilder[]> {
  return org.within((tx) => tx.rows<ServedBuilder>(SERVED, [org.orgId, workerId]));
}

const TOOK = "extract(epoch from x.complete_at - coalesce(x.started_at, x.created_at)) * 1000";

const SERVED = {
  name: "builders-served",
  text: `
    with lately as (
      select x.id, x.builder_id, x.number, x.result, x.complete_at, ${TOOK} as took
      from build x where x.org_id = $1 and x.worker_id = $2 and x.state = 'finished'
      order by x.id desc limit ${LOOK_BACK}),
    there as (
      select y.builder_id, count(*)::int as builds,
             (array_agg(json_build_object('number', y.number, 'result', y.result,
               'completeAt', ${ms("y.complete_at")}, 'tookMs', y.took::bigint) order by y.id desc))[1] as last,
             percentile_cont(0.5) within group (order by y.took) filter (where y.result in (0, 1)) as usual
      from lately y group by y.builder_id)
    select b.id, b.name, coalesce(t.builds, 0) as builds, t.last, t.usual::bigint as "usualMs"
    from builder_worker bw
    join builder b on b.id = bw.builder_id
    left join there t on t.builder_id = b.id
    where bw.org_id = $1 and bw.worker_id = $2 and b.removed_at is null
    order by b.name`,
};
