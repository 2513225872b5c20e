/** When a latent worker is looked at next, and the end of its machine's connection. */
import type { Queryable } from "../../db/pool";
import type { ProcessId, WorkerId } from "../../domain/ids";
import type { Alarm } from "../deadlines";
import type { Latent } from "./load";

/** One that has a machine is looked at so often, whoever forgot to say that something happened. */
export const AT_THE_LATEST_SECONDS = 60;
const AT_REST: ReadonlySet<string> = new Set(["insubstantiated", "shut-down"]);

interface VisitContext {
  readonly db: Queryable;
  readonly alarm: (...alarm: Alarm) => void;
}

/**
 * What was written after the worker was loaded was not seen in this look: it stays due.
 * @param until in the clock of the facts; null: when something happens
 */
export async function lookAt(
  { db, alarm }: VisitContext,
  latent: Latent,
  until: number | null,
): Promise<void> {
  const { now, state } = latent.facts;
  if (until === null && AT_REST.has(state)) {
    await db.rows(
      `delete from deadline d where d.kind = 'latent-worker' and d.subject_id = $1 and d.fire_at = $3::timestamptz
         and exists (select from latent_worker l where l.worker_id = $1 and l.claims = $2)`,
      [latent.workerId, latent.claims, latent.dueAt],
    );
    return;
  }
  const seconds = until === null ? AT_THE_LATEST_SECONDS : Math.max(0, (until - now) / 1_000);
  const wait = Math.min(seconds, AT_THE_LATEST_SECONDS);
  await db.rows(
    {
      name: "latent-visit",
      text: `insert into deadline as d (org_id, kind, subject_id, fire_at, reason)
        values ($1, 'latent-worker', $2, now() + make_interval(secs => $3), 'its machine is to be seen to')
        on conflict (kind, subject_id) do update set fire_at = case
          when d.fire_at = $4::timestamptz then excluded.fire_at else least(d.fire_at, excluded.fire_at) end`,
    },
    [latent.orgId, latent.workerId, wait, latent.dueAt],
  );
  if (until !== null) alarm(`latent-${latent.workerId}-${Math.ceil(until)}`, wait * 1_000);
}

/**
 * Nobody enters as this worker any more, and whoever is in is told to go.
 * @returns the processes that hold its connection
 */
export async function closeDoors(
  q: Queryable,
  workerId: WorkerId,
  kind: string,
): Promise<ProcessId[]> {
  const rows = await q.rows<{ process_id: ProcessId }>(
    `update worker_session set end_requested = 'kill' 
     where worker_id = $1 and ended_at is null and generation is not null returning process_id`,
    [workerId],
  );
  // One that is of another kind by now has a password of its own.
  await q.rows(
    "update worker set sealed_password = null where id = $1 and kind = $2 and password_secret is null",
    [workerId, kind],
  );
  return rows.map(({ process_id }) => process_id);
}
