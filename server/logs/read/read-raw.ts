/** A whole log as bytes, as one downloads it: no prefixes, newlines and colours as they are. */
import type { Queryable } from "../../db/pool";
import type { LogId } from "../../domain/ids";
import { type StoredChunk, unpack } from "./unpack";

/** At most 1 MiB unpacked. */
const CHUNKS_PER_QUERY = 16;

const SELECT = {
  name: "log-read-raw",
  text: `select c.first_line, c.line_count, c.method, c.data, l.type
  from log l join log_chunk c on c.log_id = l.id and c.log_created_at = l.created_at
  where l.id = $1 and c.first_line >= $2::int
  order by c.first_line limit ${CHUNKS_PER_QUERY}`,
};

/**
 * What is durable now, a chunk at a time, in bounded memory. Each step is a query of its own, so a
 * slow reader must not hold a transaction open: give a `q` that begins one per query (`perQuery`).
 */
export async function* readRaw(q: Queryable, logId: LogId): AsyncGenerator<Buffer, void, void> {
  let next = 0;
  for (;;) {
    const chunks = await q.rows<StoredChunk & { type: string }>(SELECT, [logId, next]);
    for (const chunk of chunks) {
      if (chunk.first_line !== next)
        throw new Error(`log ${logId}: lines from ${next} on are missing`);
      const stored = await unpack(chunk);
      yield chunk.type === "s" ? withoutPrefixes(stored) : stored;
      next = chunk.first_line + chunk.line_count;
    }
    if (chunks.length < CHUNKS_PER_QUERY) return;
  }
}

/** Removes the first byte of each line. */
export function withoutPrefixes(stored: Buffer): Buffer {
  const text = Buffer.allocUnsafe(stored.length);
  let length = 0;
  let isFirst = true;
  for (let at = 0; at < stored.length; at += 1) {
    const byte = stored[at] as number;
    if (!isFirst) text[length++] = byte;
    isFirst = byte === 10;
  }
  return text.subarray(0, length);
}
