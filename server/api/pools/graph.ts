import { z } from "zod";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";

const POINTS = 288;

export const graphInput = z.object({
  poolId: z.number().int().positive(),
  hours: z.number().int().min(1).max(24).default(24),
});

export interface PoolPoint {
  /** The beginning of a stretch of time. */
  readonly at: number;
  /** The greatest in it. */
  readonly queue: number;
  readonly desired: number;
  /** These three at one moment: when it had the most machines. */
  readonly starting: number;
  readonly idle: number;
  readonly busy: number;
}

const MOST = "order by s.starting + s.idle + s.busy desc, s.busy desc, s.at";

/** Where nothing was to be seen there is no point: each holds until the next. */
export async function poolGraph(org: OrgScope, { poolId, hours }: z.output<typeof graphInput>) {
  const seconds = Math.max(15, (hours * 3_600) / POINTS);
  const points = await org.within((tx) =>
    tx.rows<PoolPoint>(
      `select ${ms(`date_bin(make_interval(secs => $4), s.at, 'epoch')`)} as at, max(s.queue) as queue,
         max(s.desired) as desired, (array_agg(s.starting ${MOST}))[1] as starting, (array_agg(s.idle ${MOST}))[1] as idle,
         (array_agg(s.busy ${MOST}))[1] as busy
       from pool_sample s where s.org_id = $1 and s.pool_id = $2 and s.at > now() - make_interval(hours => $3)
       group by 1 order by 1`,
      [org.orgId, poolId, hours, seconds],
    ),
  );
  return { seconds, points };
}
