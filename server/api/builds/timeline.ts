import { z } from "zod";
import { AppError } from "../../domain/errors";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";

export const timelineInput = z.object({ buildId: z.number().int().positive() });

export interface TimelineEntry {
  id: number;
  /** Milliseconds since the epoch. */
  at: number;
  kind: "build_request" | "build" | "step";
  subjectId: number;
  /** The step's name; null for the request and the build. */
  subject: string | null;
  from: string | null;
  to: string;
  reason: string;
  actor: string;
}

/** Every change of state of the build, its request and its steps: the rows themselves. */
export async function timeline(
  org: OrgScope,
  input: z.output<typeof timelineInput>,
): Promise<TimelineEntry[]> {
  return org.within(async (tx) => {
    const [build] = await tx.rows<{ requestId: number }>(
      `select build_request_id as "requestId" from build where org_id = $1 and id = $2`,
      [org.orgId, input.buildId],
    );
    if (build === undefined) throw new AppError("request.not-found", { what: "build" });
    return tx.rows<TimelineEntry>(
      `select t.id, ${ms("t.at")} as at, t.kind, t.subject_id as "subjectId", s.name as subject,
              t.from_state as "from", t.to_state as "to", t.reason, t.actor
       from (select * from transition where kind = 'build_request' and subject_id = $2
             union all select * from transition where kind = 'build' and subject_id = $1
             union all select * from transition where kind = 'step' and to_state <> 'pending'
               and subject_id in (select id from step where build_id = $1)) t
       left join step s on t.kind = 'step' and s.id = t.subject_id
       order by t.at, t.id
       limit 2000`,
      [input.buildId, build.requestId],
    );
  });
}
