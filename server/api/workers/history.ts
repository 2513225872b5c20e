import { z } from "zod";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";

const PAGE = 50;

export const historyInput = z.object({
  workerId: z.number().int().positive(),
  /** Only lines older than this one, by id. */
  cursor: z.number().int().positive().nullish(),
});

/** One line of a worker's history; `server/domain/workers/history.ts` has the words for its kind. */
export interface WorkerEventRow {
  id: number;
  /** Milliseconds since the epoch. */
  at: number;
  kind: string;
  reason: string;
  /** A person, a token, a process of ours, or `worker`. */
  actor: string;
}

/** What happened to a worker, newest first; `before` is the cursor of the next page, null at its end. */
export async function workerHistory(org: OrgScope, input: z.output<typeof historyInput>) {
  const events = await org.within((tx) =>
    tx.rows<WorkerEventRow>(
      {
        name: "worker-history",
        text: `select e.id, ${ms("e.at")} as at, e.kind, e.reason, e.actor from worker_event e
          where e.org_id = $1 and e.worker_id = $2 and e.id < $3 order by e.id desc limit ${PAGE}`,
      },
      [org.orgId, input.workerId, input.cursor ?? Number.MAX_SAFE_INTEGER],
    ),
  );
  return { events, before: events.length === PAGE ? (events.at(-1)?.id ?? null) : null };
}
