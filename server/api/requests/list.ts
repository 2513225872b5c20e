import { z } from "zod";
import { whyWaiting } from "../../engine/distribute/why";
import { ms, type Stamp, stampsOf } from "../sql";
import type { OrgScope } from "../trpc";
import { explained, type Why } from "./why";

const PAGE = 100;

export const requestsInput = z.object({
  builderId: z.number().int().positive().optional(),
  /** The last row seen: its priority and id. */
  cursor: z.object({ priority: z.number().int(), id: z.number().int().positive() }).nullish(),
});

export interface RequestRow {
  id: number;
  builderId: number;
  builder: string;
  priority: number;
  /** In its builder's queue, from 1. */
  position: number;
  reason: string;
  owner: string | null;
  scheduler: string;
  stamps: Stamp[];
  /** Milliseconds since the epoch. */
  submittedAt: number;
}

export interface PendingRequest extends RequestRow {
  why: Why;
}

/** What waits, in the order it is served, each with the reason it waits. */
export async function listRequests(org: OrgScope, input: z.output<typeof requestsInput>) {
  return org.within(async (tx) => {
    const rows = await tx.rows<RequestRow>(LIST, [
      org.orgId,
      input.builderId ?? null,
      input.cursor?.priority ?? null,
      input.cursor?.id ?? null,
    ]);
    const ids = rows.map((row) => row.id);
    const waiting = await whyWaiting(tx, org.orgId, ids, Date.now());
    const whyOf = await explained(tx, org.orgId, waiting);
    const requests: PendingRequest[] = rows.map((row) => ({ ...row, why: whyOf(row.id) }));
    const last = rows.length === PAGE ? rows.at(-1) : undefined;
    return { requests, after: last ? { priority: last.priority, id: last.id } : null };
  });
}

const LIST = `
  select r.id, r.builder_id as "builderId", b.name as builder, r.priority, s.reason, s.owner, s.scheduler,
         (select count(*) + 1 from build_request q
          where q.org_id = r.org_id and q.builder_id = r.builder_id and q.state = 'pending'
            and (q.priority > r.priority or (q.priority = r.priority and q.id < r.id))) as position,
         ${stampsOf("s.id")} as stamps, ${ms("r.submitted_at")} as "submittedAt"
  from build_request r
  join builder b on b.id = r.builder_id
  join buildset s on s.id = r.buildset_id
  where r.org_id = $1 and r.state = 'pending' and ($2::bigint is null or r.builder_id = $2)
    and ($3::int is null or r.priority < $3 or (r.priority = $3 and r.id > $4))
  order by r.priority desc, r.id
  limit ${PAGE}`;
