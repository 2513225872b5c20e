import { z } from "zod";
import { AppError } from "../../domain/errors";
import type { LogId } from "../../domain/ids";
import { readLines } from "../../logs";
import type { OrgScope } from "../trpc";

export const linesInput = z.object({
  logId: z.number().int().positive(),
  /** From 0. */
  from: z.number().int().min(0),
  count: z.number().int().min(0).max(5000),
});

/** Lines as far as they are durable, and how many there are by now. */
export async function logLines(org: OrgScope, input: z.output<typeof linesInput>) {
  const logId = input.logId as LogId;
  return org.within(async (tx) => {
    const [log] = await tx.rows<{ lineCount: number; isComplete: boolean }>(
      `select line_count as "lineCount", state <> 'open' as "isComplete" from log
       where org_id = $1 and id = $2`,
      [org.orgId, logId],
    );
    if (log === undefined) throw new AppError("request.not-found", { what: "log" });
    const lines = await readLines(tx, logId, input.from, input.count);
    return { ...log, lines };
  });
}
