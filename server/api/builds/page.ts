import { z } from "zod";
import { ms, type Stamp, stampsOf } from "../sql";
import type { OrgScope } from "../trpc";

const PAGE = 50;

/**
 * Builds of one builder (by number), of one worker, or of all (by id), newest first. `cursor` is the
 * number or id of the last one seen.
 */
export const buildPageInput = z.object({
  builderId: z.number().int().positive().optional(),
  workerId: z.number().int().positive().optional(),
  cursor: z.number().int().positive().nullish(),
});

export interface BuildRow {
  id: number;
  number: number;
  builderId: number;
  builder: string;
  workerId: number;
  worker: string;
  state: string;
  result: number | null;
  stateString: string;
  reason: string;
  owner: string | null;
  stamps: Stamp[];
  createdAt: number;
  startedAt: number | null;
  completeAt: number | null;
}

/** One page, and where the next begins. Each of the three orders is that of an index. */
export async function pageOfBuilds(org: OrgScope, input: z.output<typeof buildPageInput>) {
  const { builderId, workerId, cursor } = input;
  const [where, key] =
    builderId !== undefined
      ? (["x.builder_id = $2", "x.number"] as const)
      : workerId !== undefined
        ? (["x.worker_id = $2", "x.id"] as const)
        : (["$2::bigint is null", "x.id"] as const);
  const rows = await org.within((tx) =>
    tx.rows<BuildRow>(
      `select x.id, x.number, x.builder_id as "builderId", b.name as builder, x.worker_id as "workerId",
              k.name as worker, x.state, x.result, x.state_string as "stateString", s.reason, s.owner,
              ${stampsOf("s.id")} as stamps, ${ms("x.created_at")} as "createdAt",
              ${ms("x.started_at")} as "startedAt", ${ms("x.complete_at")} as "completeAt"
       from build x
       join builder b on b.id = x.builder_id
       join worker k on k.id = x.worker_id
       join build_request r on r.id = x.build_request_id
       join buildset s on s.id = r.buildset_id
       where x.org_id = $1 and ${where} and ($3::bigint is null or ${key} < $3)
       order by ${key} desc
       limit ${PAGE}`,
      [org.orgId, builderId ?? workerId ?? null, cursor ?? null],
    ),
  );
  const last = rows.length === PAGE ? rows.at(-1) : undefined;
  return { builds: rows, before: last ? (builderId !== undefined ? last.number : last.id) : null };
}
