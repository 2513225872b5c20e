import { z } from "zod";
import { AppError } from "../../domain/errors";
import type { OrgScope } from "../trpc";

export const findBuildInput = z
  .object({
    buildId: z.number().int().positive().optional(),
    requestId: z.number().int().positive().optional(),
  })
  .refine((by) => (by.buildId === undefined) !== (by.requestId === undefined), "one of the two");

export interface BuildAddress {
  builderId: number;
  /** null: the request has no build yet. */
  number: number | null;
}

/** Where a build, or the newest build of a request, is shown. */
export async function findBuild(
  org: OrgScope,
  input: z.output<typeof findBuildInput>,
): Promise<BuildAddress> {
  const [row] = await org.within((tx) =>
    input.buildId !== undefined
      ? tx.rows<BuildAddress>(
          `select builder_id as "builderId", number from build where org_id = $1 and id = $2`,
          [org.orgId, input.buildId],
        )
      : tx.rows<BuildAddress>(
          `select r.builder_id as "builderId",
                  (select x.number from build x where x.build_request_id = r.id order by x.id desc limit 1) as number
           from build_request r where r.org_id = $1 and r.id = $2`,
          [org.orgId, input.requestId],
        ),
  );
  if (row === undefined) throw new AppError("request.not-found", { what: "build" });
  return row;
}
