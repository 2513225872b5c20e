/**
 * Schedulers and change sources whose time has come. Times are rows: whoever looks, however often,
 * in however many processes, each time is acted on once (C-080).
 */
import type { Database } from "../../db/pool";
import type { ChangeSourceId, OrgId, SchedulerId } from "../../domain/ids";
import type { MakeScheduler } from "../../schedulers/contract";
import { releasePolls } from "./poll-source";
import { enter } from "./record-changes";
import { carryOut, loadDue } from "./run-scheduler";

export interface TriggersContext {
  readonly db: Database;
  readonly makeScheduler: MakeScheduler;
  /** Requests of this organisation wait. */
  readonly wake: (orgId: OrgId) => void;
  /** The outbox has news. */
  readonly announce: () => void;
  /** Somebody should poll this source. */
  readonly poll: (id: ChangeSourceId) => void;
  readonly log: (message: string, fields: Record<string, unknown>) => void;
}

const AT_ONCE = 500;

/** @returns milliseconds until the next one is due, if that is within `horizonMs` */
export async function fireDue(context: TriggersContext, horizonMs: number): Promise<number | null> {
  const { db } = context;
  await releasePolls(db);
  const rows = await db.rows<{ id: number; org_id: OrgId; what: string; wait: number }>(
    {
      name: "triggers-due",
      text: `select * from (
          select id, org_id, 'scheduler' as what, fire_at, ceil(extract(epoch from fire_at - now()) * 1000)::float8 as wait
          from scheduler where fire_at <= now() + make_interval(secs => $1) and removed_at is null and is_enabled
          union all
          select id, org_id, 'change source', fire_at, ceil(extract(epoch from fire_at - now()) * 1000)::float8
          from change_source where fire_at <= now() + make_interval(secs => $1) and removed_at is null) due
        order by fire_at limit $2`,
    },
    [horizonMs / 1000, AT_ONCE],
  );
  const isDue = ({ wait }: { wait: number }) => wait <= 0;
  for (const { id, org_id, what } of rows.filter(isDue)) {
    if (what === "change source") context.poll(id as ChangeSourceId);
    else await fireScheduler(context, org_id, id as SchedulerId);
  }
  const next = rows.find((row) => !isDue(row));
  return next ? next.wait : null;
}

/** One that fails must not keep the others waiting: it stays due. */
async function fireScheduler(
  context: TriggersContext,
  orgId: OrgId,
  id: SchedulerId,
): Promise<void> {
  try {
    const made = await context.db.transaction(async (tx) => {
      await enter(tx, orgId);
      const row = await loadDue(tx, id);
      if (!row) return 0;
      const moment = { now: row.now, changes: [], isWoken: true };
      return (await carryOut(tx, row, moment, context.makeScheduler)).length;
    });
    context.announce();
    if (made > 0) context.wake(orgId);
  } catch (error) {
    context.log("scheduler left for the next sweep", { scheduler: id, error });
  }
}
