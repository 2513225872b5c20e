/** A log as Buildbot's API gives it: lines in one chunk, or a download. Streamed, never whole in memory. */
import type { OrgDatabase } from "../db/org-database";
import type { Queryable } from "../db/pool";
import { AppError } from "../domain/errors";
import type { LogId, OrgId } from "../domain/ids";
import { type LogStream, perQuery, readLines, readRaw } from "../logs";
import type { Target } from "./path";

export interface LogFacts {
  readonly id: LogId;
  readonly type: string;
  readonly slug: string;
  readonly lines: number;
}

export async function findLog(tx: Queryable, target: Target): Promise<LogFacts> {
  const [row] = await tx.rows<LogFacts>(
    `select t.id, t.type, t.slug, t.line_count as lines from log t where ${target.where}`,
    target.values,
  );
  if (!row) throw new AppError("request.not-found", { what: "log" });
  return row;
}

const LINES_PER_READ = 5_000;
/** The first byte of each line of a stdio log (C-140). */
const PREFIX: Readonly<Record<LogStream, string>> = {
  stdout: "o",
  stderr: "e",
  header: "h",
  stdin: "i",
};

/** `{"logchunks": [{logid, firstline, content}], "meta": {"total": 1}}`, each line prefixed. */
export function logContents(
  db: OrgDatabase,
  orgId: OrgId,
  log: LogFacts,
  search: URLSearchParams,
): Response {
  const offset = lineNumber(search, "offset") ?? 0;
  const limit = lineNumber(search, "limit") ?? log.lines;
  const end = Math.min(log.lines, offset + limit);
  const q = perQuery(db, { orgId });
  const prefix = (stream: LogStream) => (log.type === "s" ? PREFIX[stream] : "");

  async function* body() {
    yield `{"logchunks":[{"logid":${log.id},"firstline":${offset},"content":"`;
    for (let next = offset; next < end; ) {
      const lines = await readLines(q, log.id, next, Math.min(LINES_PER_READ, end - next));
      if (lines.length === 0) break;
      const text = lines.map((line) => `${prefix(line.stream)}${line.text}\n`).join("");
      yield JSON.stringify(text).slice(1, -1);
      next += lines.length;
    }
    yield `"}],"meta":{"total":1}}`;
  }
  return new Response(stream(body()), {
    headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" },
  });
}

/** The whole log as text. A page of ours never runs what a build printed. */
export function logRaw(db: OrgDatabase, orgId: OrgId, log: LogFacts, isInline: boolean): Response {
  const extension = log.type === "h" ? "html" : "txt";
  const file = `${log.slug.replaceAll(/[^\w.-]/g, "_")}.${extension}`;
  return new Response(stream(readRaw(perQuery(db, { orgId }), log.id)), {
    headers: {
      "content-type":
        isInline && log.type === "h" ? "text/html; charset=utf-8" : "text/plain; charset=utf-8",
      "content-disposition": `${isInline ? "inline" : "attachment"}; filename="${file}"`,
      "content-security-policy":
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    },
  });
}

function lineNumber(search: URLSearchParams, name: string): number | null {
  const value = search.get(name);
  if (value === null) return null;
  if (!/^\d{1,9}$/.test(value)) {
    throw new AppError("request.malformed", { problem: `${name} must be a whole number` });
  }
  return Number(value);
}

/** Pulled by the reader: a slow one makes us wait, one who leaves ends the reading. */
function stream(parts: AsyncGenerator<string | Buffer>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await parts.next();
      if (done) controller.close();
      else controller.enqueue(typeof value === "string" ? encoder.encode(value) : value);
    },
    async cancel() {
      await parts.return(undefined);
    },
  });
}
