import { z } from "zod";
import { AppError } from "../../domain/errors";
import { whyWaiting } from "../../engine/distribute/why";
import { ms, type Stamp, stampsOf } from "../sql";
import type { OrgScope } from "../trpc";
import { explained, type Why } from "./why";

export const requestInput = z.object({ requestId: z.number().int().positive() });

export interface RequestPage {
  id: number;
  state: "pending" | "claimed" | "done" | "cancelled";
  builderId: number;
  builder: string;
  priority: number;
  reason: string;
  owner: string | null;
  stamps: Stamp[];
  submittedAt: number;
  /** Number of its newest build. */
  build: number | null;
  /** Only while it is pending. */
  why: Why | null;
}

export async function oneRequest(
  org: OrgScope,
  { requestId }: z.output<typeof requestInput>,
): Promise<RequestPage> {
  return org.within(async (tx) => {
    const [row] = await tx.rows<Omit<RequestPage, "why">>(
      `select r.id, r.state, r.builder_id as "builderId", b.name as builder, r.priority, s.reason, s.owner,
              ${stampsOf("s.id")} as stamps, ${ms("r.submitted_at")} as "submittedAt",
              (select x.number from build x where x.build_request_id = r.id order by x.id desc limit 1) as build
       from build_request r join builder b on b.id = r.builder_id join buildset s on s.id = r.buildset_id
       where r.org_id = $1 and r.id = $2`,
      [org.orgId, requestId],
    );
    if (row === undefined) throw new AppError("request.not-found", { what: "build request" });
    if (row.state !== "pending") return { ...row, why: null };
    const waiting = await whyWaiting(tx, org.orgId, [requestId], Date.now());
    return { ...row, why: (await explained(tx, org.orgId, waiting))(requestId) };
  });
}
