/** Who came as a worker and how it ended: sessions, and logins that were refused. Newest first. */
import { z } from "zod";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";
import type { DoorRow, SessionRow } from "./one";

const PAGE = 20;

export const comingsInput = z.object({
  workerId: z.number().int().positive(),
  /** The id of the last row seen. */
  cursor: z.number().int().positive().nullish(),
});
type Input = z.output<typeof comingsInput>;

export async function sessionsOf(org: OrgScope, input: Input) {
  return page(await read<SessionRow>(org, input, SESSIONS));
}

export async function refusalsOf(org: OrgScope, input: Input) {
  return page(await read<DoorRow>(org, input, REFUSALS));
}

const read = <R>(org: OrgScope, { workerId, cursor }: Input, text: string): Promise<R[]> =>
  org.within((tx) => tx.rows<R>(text, [org.orgId, workerId, cursor ?? null]));

function page<R extends { id: number }>(rows: R[]): { rows: R[]; before: number | null } {
  return { rows, before: rows.length === PAGE ? (rows.at(-1)?.id ?? null) : null };
}

const SESSIONS = `
  select n.id, n.protocol, n.peer, ${ms("n.started_at")} as "startedAt", ${ms("n.ended_at")} as "endedAt",
         n.end_reason as "endReason"
  from worker_session n
  where n.org_id = $1 and n.worker_id = $2 and ($3::bigint is null or n.id < $3)
  order by n.id desc limit ${PAGE}`;

const REFUSALS = `
  select d.id, ${ms("d.at")} as at, d.peer, d.reason, d.detail
  from door_event d
  where d.org_id = $1 and d.worker_id = $2 and ($3::bigint is null or d.id < $3)
  order by d.id desc limit ${PAGE}`;
