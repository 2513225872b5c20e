import { z } from "zod";
import { AppError } from "../../domain/errors";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";
import { WORKER_COLUMNS, WORKER_TABLES, type WorkerFactsRow, withShown } from "./row";

export const workerInput = z.object({ workerId: z.number().int().positive() });

export interface WorkerPageFacts extends WorkerFactsRow {
  /** Files of the worker's info/ and what it says of its system. */
  info: Record<string, string>;
  numcpus: number | null;
  basedir: string | null;
  hasPassword: boolean;
  createdAt: number;
  /** Name → version of each command the worker knows. */
  commands: Record<string, string>;
}

export interface SessionRow {
  id: number;
  protocol: string;
  peer: string;
  startedAt: number;
  endedAt: number | null;
  endReason: string | null;
}

export interface DoorRow {
  id: number;
  at: number;
  peer: string;
  reason: string;
  detail: string;
}

/** The worker, its last 20 sessions and the last 20 things the door said of it. */
export async function oneWorker(org: OrgScope, input: z.output<typeof workerInput>) {
  return org.within(async (tx) => {
    const key = [org.orgId, input.workerId];
    const [row] = await tx.rows<WorkerPageFacts>(ONE, key);
    if (row === undefined) throw new AppError("request.not-found", { what: "worker" });
    const sessions = await tx.rows<SessionRow>(SESSIONS, key);
    const door = await tx.rows<DoorRow>(DOOR, key);
    return { ...withShown(row, Date.now()), sessions, door };
  });
}

export type WorkerPage = Awaited<ReturnType<typeof oneWorker>>;

const ONE = `
  select ${WORKER_COLUMNS}, coalesce(k.facts -> 'info', '{}') as info, (k.facts ->> 'numcpus')::int as numcpus,
         k.facts ->> 'basedir' as basedir, ${ms("k.created_at")} as "createdAt",
         (k.sealed_password is not null or k.password_secret is not null) as "hasPassword",
         coalesce(k.facts -> 'workerCommands', '{}') as commands
  from ${WORKER_TABLES}
  where k.org_id = $1 and k.id = $2`;

const SESSIONS = `
  select n.id, n.protocol, n.peer, ${ms("n.started_at")} as "startedAt", ${ms("n.ended_at")} as "endedAt",
         n.end_reason as "endReason"
  from worker_session n where n.org_id = $1 and n.worker_id = $2 order by n.id desc limit 20`;

const DOOR = `
  select d.id, ${ms("d.at")} as at, d.peer, d.reason, d.detail
  from door_event d where d.org_id = $1 and d.worker_id = $2 order by d.id desc limit 20`;
