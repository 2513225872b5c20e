/**
 * The one statement of the log path: the rows of the logs, created or brought up to date, and
 * their chunks; each log only while its build has the owner and the epoch it was opened with.
 *
 * Counts are absolute and chunks have their place by number, so running it twice changes nothing.
 * A log row that is not there yet is created in its first state `open` (this and `transitions` are
 * the only writers of that column); one that is no longer `open` is not touched, nor its chunks.
 * Compressed data travels as one binary parameter, cut up by the server.
 */

import type { Queryable } from "../../db/pool";
import type { Fence } from "../../db/transition";
import type { BuildId, LogId, OrgId, StepId } from "../../domain/ids";
import type { WritableLogType } from "./limits";

export interface LogIdentity {
  /** From `LogIds`, before there is a row. */
  readonly logId: LogId;
  readonly orgId: OrgId;
  readonly buildId: BuildId;
  readonly stepId: StepId;
  readonly name: string;
  /** Unique in the step. */
  readonly slug: string;
  readonly type: WritableLogType;
  /** Decides the partition of all its chunks; the same for the row and for every chunk. */
  readonly logCreatedAt: Date;
}

export type LogFence = Pick<Fence, "ownerId" | "ownerEpoch">;

export interface LogCounts {
  readonly lineCount: number;
  /** Bytes as a reader gets them: newlines, but no prefixes. */
  readonly byteCount: number;
  readonly cutLines: number;
  readonly cutAtLine: number | null;
}

export interface LogUpdate {
  readonly identity: LogIdentity;
  readonly fence: LogFence;
  /** As they will be once these chunks are stored. */
  readonly counts: LogCounts;
}

export interface ChunkRow {
  readonly logId: LogId;
  readonly firstLine: number;
  readonly lineCount: number;
  readonly byteCount: number;
  readonly method: number;
  readonly data: Buffer;
}

/** The chunks' part: what `unnest` makes of their columns. Offsets into the data count from 1. */
export function chunkColumns(chunks: readonly ChunkRow[]) {
  let offset = 1;
  return {
    firstLines: chunks.map((chunk) => chunk.firstLine),
    lineCounts: chunks.map((chunk) => chunk.lineCount),
    byteCounts: chunks.map((chunk) => chunk.byteCount),
    methods: chunks.map((chunk) => chunk.method),
    offsets: chunks.map((chunk) => {
      const at = offset;
      offset += chunk.data.length;
      return at;
    }),
    sizes: chunks.map((chunk) => chunk.data.length),
    data: Buffer.concat(chunks.map((chunk) => chunk.data)),
  };
}

const WRITE = {
  name: "log-write",
  text: `with given as (
  select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[],
    $7::text[], $8::timestamptz[], $9::bigint[], $10::int[], $11::int[], $12::bigint[], $13::int[], $14::int[])
  as g (id, org_id, build_id, step_id, name, slug, type, created_at, owner_id, owner_epoch,
    line_count, byte_count, cut_lines, cut_at_line)
), fence as (
  select id, org_id, owner_id, owner_epoch from build
  where id = any($3::bigint[]) and state <> 'finished' order by id for share
), held as (
  select given.* from given join fence on fence.id = given.build_id and fence.org_id = given.org_id
    and fence.owner_id = given.owner_id and fence.owner_epoch = given.owner_epoch
), kept as (
  insert into log (id, org_id, build_id, step_id, name, slug, type, state, created_at,
    line_count, byte_count, cut_lines, cut_at_line)
  select id, org_id, build_id, step_id, name, slug, type, 'open', created_at,
    line_count, byte_count, cut_lines, cut_at_line from held order by id
  on conflict (id) do update set line_count = greatest(log.line_count, excluded.line_count),
    byte_count = greatest(log.byte_count, excluded.byte_count),
    cut_lines = excluded.cut_lines, cut_at_line = excluded.cut_at_line
  where log.state = 'open' and log.build_id = excluded.build_id
  returning id, org_id, created_at
), stored as (
  insert into log_chunk (log_id, first_line, log_created_at, org_id, line_count, byte_count, method, data)
  select c.log_id, c.first_line, kept.created_at, kept.org_id, c.line_count, c.byte_count, c.method,
    substring($22::bytea from c.at for c.size)
  from unnest($15::bigint[], $16::int[], $17::int[], $18::int[], $19::smallint[], $20::int[], $21::int[])
    as c (log_id, first_line, line_count, byte_count, method, at, size)
  join kept on kept.id = c.log_id
  on conflict do nothing
  returning log_id
)
select kept.id, (select count(*) from stored where stored.log_id = kept.id) as stored from kept`,
};

/**
 * @param chunks of these logs only
 * @returns for each log that was still ours how many of its chunks are new; others are missing
 */
export async function writeLogs(
  q: Queryable,
  logs: readonly LogUpdate[],
  chunks: readonly ChunkRow[],
): Promise<Map<LogId, number>> {
  const identity = <K extends keyof LogIdentity>(key: K) => logs.map((log) => log.identity[key]);
  const columns = chunkColumns(chunks);
  const rows = await q.rows<{ id: LogId; stored: number }>(WRITE, [
    identity("logId"),
    identity("orgId"),
    identity("buildId"),
    identity("stepId"),
    identity("name"),
    identity("slug"),
    identity("type"),
    logs.map((log) => log.identity.logCreatedAt.toISOString()),
    logs.map((log) => log.fence.ownerId),
    logs.map((log) => log.fence.ownerEpoch),
    logs.map((log) => log.counts.lineCount),
    logs.map((log) => log.counts.byteCount),
    logs.map((log) => log.counts.cutLines),
    logs.map((log) => log.counts.cutAtLine),
    chunks.map((chunk) => chunk.logId),
    columns.firstLines,
    columns.lineCounts,
    columns.byteCounts,
    columns.methods,
    columns.offsets,
    columns.sizes,
    columns.data,
  ]);
  return new Map(rows.map((row) => [row.id, row.stored]));
}

const VERIFY = {
  name: "log-verify",
  text: `select count(*) as same from log_chunk c
  join unnest($2::int[], $3::int[], $4::int[], $5::smallint[], $6::int[], $7::int[])
    as g (first_line, line_count, byte_count, method, at, size) on g.first_line = c.first_line
  where c.log_id = $1 and c.line_count = g.line_count and c.byte_count = g.byte_count
    and c.method = g.method and c.data = substring($8::bytea from g.at for g.size)`,
};

/** Whether all these chunks of one log are stored, to the byte: a retry of what had succeeded. */
export async function areStored(
  q: Queryable,
  logId: LogId,
  chunks: readonly ChunkRow[],
): Promise<boolean> {
  const columns = chunkColumns(chunks);
  const [row] = await q.rows<{ same: number }>(VERIFY, [
    logId,
    columns.firstLines,
    columns.lineCounts,
    columns.byteCounts,
    columns.methods,
    columns.offsets,
    columns.sizes,
    columns.data,
  ]);
  return row?.same === chunks.length;
}
