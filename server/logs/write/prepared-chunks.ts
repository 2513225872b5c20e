/**
 * The last chunks of a log, for a statement of the engine's: the end of a step and the end of its
 * logs cost one commit together.
 */
import type { Batch } from "../../db/transition";
import type { Chunk } from "./chunk-builder";
import { type ChunkRow, chunkColumns, type LogCounts, type LogIdentity } from "./statement";

/** A closed chunk, and what is true of its log once it is stored. */
export interface QueuedChunk {
  readonly chunk: Chunk;
  readonly counts: LogCounts;
}

export interface PreparedChunks {
  readonly identity: LogIdentity;
  /** What the log's row must say in the end. */
  readonly counts: LogCounts;
  /** False: no row was written yet, the caller's statement creates it. */
  readonly isRowWritten: boolean;
  /** May be empty. */
  readonly chunks: readonly ChunkRow[];
}

export async function prepare(
  identity: LogIdentity,
  isRowWritten: boolean,
  counts: LogCounts,
  queue: readonly QueuedChunk[],
): Promise<PreparedChunks> {
  const chunks = await Promise.all(queue.map(({ chunk }) => packed(identity, chunk)));
  return { identity, counts, isRowWritten, chunks };
}

export async function packed(
  identity: LogIdentity,
  chunk: QueuedChunk["chunk"],
): Promise<ChunkRow> {
  const { method, data } = await chunk.packed;
  return {
    logId: identity.logId,
    firstLine: chunk.firstLine,
    lineCount: chunk.lineCount,
    byteCount: chunk.byteCount,
    method,
    data,
  };
}

/** Columns of the log's row besides its state, for `batch.create` or the `set` of `batch.move`. */
export function finalColumns(prepared: PreparedChunks): Record<string, unknown> {
  const { identity, counts, isRowWritten } = prepared;
  const counted = {
    line_count: counts.lineCount,
    byte_count: counts.byteCount,
    cut_lines: counts.cutLines,
    cut_at_line: counts.cutAtLine,
  };
  return isRowWritten
    ? counted
    : {
        id: identity.logId,
        build_id: identity.buildId,
        step_id: identity.stepId,
        name: identity.name,
        slug: identity.slug,
        type: identity.type,
        created_at: identity.logCreatedAt,
        ...counted,
      };
}

/**
 * Adds to a batch the auxiliary statement that stores the chunks; `name` must be unique in it. The
 * batch's fence decides for them as for all else. Nothing is added when there are none. Chunks
 * that are stored already (the batch is being retried) are left alone.
 */
export function addFinalChunks(
  batch: Pick<Batch, "value" | "with">,
  name: string,
  prepared: PreparedChunks,
): void {
  if (prepared.chunks.length === 0) return;
  const { identity } = prepared;
  const columns = chunkColumns(prepared.chunks);
  const v = (value: unknown, type: string) => batch.value(value, type);
  batch.with(
    name,
    `insert into log_chunk (log_id, first_line, log_created_at, org_id, line_count, byte_count, method, data)
select ${v(identity.logId, "bigint")}, c.first_line, ${v(identity.logCreatedAt.toISOString(), "timestamptz")}, ${v(identity.orgId, "bigint")},
  c.line_count, c.byte_count, c.method, substring(${v(columns.data, "bytea")} from c.at for c.size)
from unnest(${v(columns.firstLines, "int[]")}, ${v(columns.lineCounts, "int[]")}, ${v(columns.byteCounts, "int[]")},
  ${v(columns.methods, "smallint[]")}, ${v(columns.offsets, "int[]")}, ${v(columns.sizes, "int[]")})
  as c (first_line, line_count, byte_count, method, at, size)
on conflict do nothing`,
  );
}
