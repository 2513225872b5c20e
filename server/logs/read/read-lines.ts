/** Lines by number, reading only the chunks that hold them. */
import type { Queryable } from "../../db/pool";
import type { LogId } from "../../domain/ids";
import { type LogStream, MAX_CHUNK_LINES, STREAM_PREFIX } from "../write/limits";
import { type StoredChunk, unpack } from "./unpack";

export interface LogLine {
  /** From 0. */
  readonly number: number;
  readonly stream: LogStream;
  /** Without newline; escapes for colours are in it. */
  readonly text: string;
}

export interface ReadLinesOptions {
  /** Stored bytes after which no further chunk is read; the first is always. */
  readonly maxBytes?: number;
}

const DEFAULT_MAX_BYTES = 4 * 1024 * 1024;
/** Chunks of one query: at most 1 MiB unpacked. */
const CHUNKS_PER_QUERY = 16;

// A chunk has at most 1,000 lines, so the one that holds line $2 begins after $2 - 1000. The log's
// own row gives the partition.
const SELECT = {
  name: "log-read-lines",
  text: `select c.first_line, c.line_count, c.method, c.data, l.type
  from log l join log_chunk c on c.log_id = l.id and c.log_created_at = l.created_at
  where l.id = $1 and c.first_line > $2::int - ${MAX_CHUNK_LINES} and c.first_line < $3::int
    and c.first_line + c.line_count > $2::int
  order by c.first_line limit ${CHUNKS_PER_QUERY}`,
};

const STREAMS = new Map(
  Object.entries(STREAM_PREFIX).map(([stream, prefix]) => [prefix, stream as LogStream]),
);

/**
 * Lines `from` to `from + count - 1`, as far as they are durable: fewer at the end of a log, none
 * for a log that `q` does not see. Fewer, too, when the lines are very long: ask again from the
 * first that is missing.
 */
export async function readLines(
  q: Queryable,
  logId: LogId,
  from: number,
  count: number,
  { maxBytes = DEFAULT_MAX_BYTES }: ReadLinesOptions = {},
): Promise<LogLine[]> {
  const end = from + count;
  const lines: LogLine[] = [];
  let next = from;
  let bytes = 0;
  while (next < end && bytes < maxBytes) {
    const chunks = await q.rows<StoredChunk & { type: string }>(SELECT, [logId, next, end]);
    for (const chunk of chunks) {
      // Chunks have no gaps; if one is missing, what follows would be numbered wrongly for no gain.
      if (chunk.first_line > next) return lines;
      const stored = await unpack(chunk);
      bytes += stored.length;
      collect(chunk, stored, chunk.type === "s", next, end, lines);
      next = chunk.first_line + chunk.line_count;
      if (bytes >= maxBytes) break;
    }
    if (chunks.length < CHUNKS_PER_QUERY) break;
  }
  return lines;
}

function collect(
  chunk: StoredChunk,
  stored: Buffer,
  hasPrefix: boolean,
  from: number,
  end: number,
  lines: LogLine[],
): void {
  let at = 0;
  for (let number = chunk.first_line; at < stored.length && number < end; number += 1) {
    const newline = stored.indexOf(10, at);
    const stop = newline < 0 ? stored.length : newline;
    if (number >= from) {
      const stream = hasPrefix ? STREAMS.get(stored[at] as number) : undefined;
      lines.push({
        number,
        stream: stream ?? "stdout",
        text: stored.toString("utf8", hasPrefix ? at + 1 : at, stop),
      });
    }
    at = stop + 1;
  }
}
