import { z } from "zod";
import { firstError } from "../../domain/builds/first-error";
import { AppError } from "../../domain/errors";
import type { LogId } from "../../domain/ids";
import { readLines } from "../../logs";
import type { OrgScope } from "../trpc";

export const openingInput = z.object({ logId: z.number().int().positive() });

/** Lines before the end that are searched: enough for nearly every log, and bounded for the rest. */
const SEARCHED = 20_000;
const MAX_BYTES = 2 * 1024 * 1024;

/** Where a failed step's log opens: at its first error, else at its end. From 0. */
export async function openingLine(
  org: OrgScope,
  input: z.output<typeof openingInput>,
): Promise<{ line: number; isError: boolean }> {
  const logId = input.logId as LogId;
  return org.within(async (tx) => {
    const [log] = await tx.rows<{ lineCount: number }>(
      `select line_count as "lineCount" from log where org_id = $1 and id = $2`,
      [org.orgId, logId],
    );
    if (log === undefined) throw new AppError("request.not-found", { what: "log" });
    const from = Math.max(0, log.lineCount - SEARCHED);
    const lines = await readLines(tx, logId, from, SEARCHED, { maxBytes: MAX_BYTES });
    const found = firstError(lines);
    return found === null
      ? { line: Math.max(0, log.lineCount - 1), isError: false }
      : { line: found, isError: true };
  });
}
