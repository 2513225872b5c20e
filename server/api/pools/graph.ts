import { z } from "zod";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";

const POINTS = 288;

export const graphInput = z.object({
  poolId: z.number().int().positive(),
  hours: z.number().int().min(1).max(24).default(24),
});

export interface PoolPoint {
  /** The beginning of the stretch of time whose greatest figures these are. */
  readonly at: number;
  readonly queue: number;
  readonly desired: number;
  readonly starting: number;
  readonly idle: number;
  readonly busy: number;
}

/** Where nothing was to be seen there is no point: each holds until the next. */
export async function poolGraph(org: OrgScope, { poolId, hours }: z.output<typeof graphInput>) {
  const seconds = Math.max(15, (hours * 3_600) / POINTS);
  const points = await org.within((tx) =>
    tx.rows<PoolPoint>(
      `select ${ms(`date_bin(make_interval(secs => $4), s.at, 'epoch')`)} as at, max(s.queue) as queue,
         max(s.desired) as desired, max(s.starting) as starting, max(s.idle) as idle, max(s.busy) as busy
       from pool_sample s where s.org_id = $1 and s.pool_id = $2 and s.at > now() - make_interval(hours => $3)
       group by 1 order by 1`,
      [org.orgId, poolId, hours, seconds],
    ),
  );
  return { seconds, points };
}
