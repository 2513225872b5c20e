import { z } from "zod";
import { busySegments, type Segment, type Stretch, spanUntil } from "../../domain/workers/busy";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";

const SLOT_MS = 10 * 60_000;
const SLOTS = 144;

export const busyInput = z.object({
  workerIds: z.array(z.number().int().positive()).max(200),
});

export interface BusyDay {
  workerId: number;
  segments: Segment[];
  builds: number;
  /** Length of all its builds in these 24 hours; more than a day when they ran side by side. */
  buildMs: number;
}

interface StretchRow extends Stretch {
  workerId: number;
  builds: number;
  buildMs: number;
}

/** What workers did in the last 24 hours. Workers that did nothing are left out. */
export async function busyDays(org: OrgScope, { workerIds }: z.output<typeof busyInput>) {
  const now = Date.now();
  const span = spanUntil(now, SLOT_MS, SLOTS);
  const rows = await org.within((tx) =>
    tx.rows<StretchRow>(STRETCHES, [org.orgId, workerIds, span.from / 1000, SLOT_MS / 1000]),
  );
  const stretches = new Map<number, StretchRow[]>();
  for (const row of rows) {
    stretches.set(row.workerId, [...(stretches.get(row.workerId) ?? []), row]);
  }
  const days = [...stretches].map(
    ([workerId, own]): BusyDay => ({
      workerId,
      segments: busySegments(own, span, now),
      builds: own.reduce((sum, row) => sum + row.builds, 0),
      buildMs: own.reduce((sum, row) => sum + (row.to === null ? now - row.from : row.buildMs), 0),
    }),
  );
  return { ...span, days };
}

/** Builds that ended in one slot with one result are one row: bounded, however many there were. */
const STRETCHES = {
  name: "busy-days",
  text: `
    select x.worker_id as "workerId", x.result, ${ms("min(coalesce(x.started_at, x.created_at))")} as "from",
           ${ms("max(x.complete_at)")} as "to", count(*)::int as builds,
           ${ms("sum(x.complete_at - greatest(coalesce(x.started_at, x.created_at), to_timestamp($3)))")} as "buildMs"
    from build x
    where x.org_id = $1 and x.worker_id = any($2) and x.complete_at >= to_timestamp($3)
    group by x.worker_id, x.result, floor(extract(epoch from x.complete_at) / $4)
    union all
    select x.worker_id, null, ${ms("coalesce(x.started_at, x.created_at)")}, null, 1, 0
    from build x
    where x.org_id = $1 and x.worker_id = any($2) and x.state <> 'finished'`,
};
