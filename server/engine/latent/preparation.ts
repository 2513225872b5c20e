/**
 * `worker_preparation` (W-130): the step of a build that waits for the machine of a latent worker. It is
 * made with the build, has a log that grows while the machine is made, and ends when the build begins,
 * or with the build. Whoever drives the worker writes to the logs of all its builds that wait, whichever
 * process owns them; the log of a build that was handed on takes no more.
 */
import type { Queryable } from "../../db/pool";
import { type Batch, Expression } from "../../db/transition";
import { SUCCESS } from "../../domain/builds";
import type { BuildId, LogId, OrgId, WorkerId } from "../../domain/ids";

export const PREPARATION = "worker_preparation";

/** What one log takes; a machine that talks more is looked at where it is. */
const MOST_LINES = 5_000;
/** A log that is full takes why there is no machine all the same. */
const ROOM_AT_END = 1_000;
const MOST_CHARACTERS = 2_000;

/** h: of us, o: of the machine. */
export type Voice = "h" | "o";

export interface PreparationLine {
  readonly voice: Voice;
  readonly text: string;
}

/** The step, its log and the log's first line, for the build `build` that `owner` is about to make. */
export function beginPreparation(batch: Batch, actor: string): void {
  const why = { reason: "its machine is not there yet", actor };
  // Where there is none, the statement is stale; a null would be another error.
  const name = "coalesce((select name from owner), '')";
  batch.create(
    "preparation",
    "step",
    "running",
    {
      build_id: new Expression("(select id from build)"),
      number: 0,
      name: PREPARATION,
      is_preparation: true,
      state_string: new Expression(`'preparing worker ' || ${name}`),
      started_at: new Expression("now()"),
    },
    { ...why, event: "steps/{id}/started", body: { buildId: "build_id" } },
  );
  const line = `convert_to('worker ' || ${name} || ' is wanted' || chr(10), 'UTF8')`;
  batch.create(
    "preparation_log",
    "log",
    "open",
    {
      build_id: new Expression("(select id from build)"),
      step_id: new Expression("(select id from preparation)"),
      ...{ name: "stdio", slug: "stdio", type: "s", line_count: 1 },
      byte_count: new Expression(`length(${line})`),
    },
    why,
  );
  batch.with(
    "preparation_line",
    `insert into log_chunk (log_id, first_line, log_created_at, org_id, line_count, byte_count, method, data)
     select id, 0, created_at, org_id, 1, length(${line}) + 1, 0, 'h'::bytea || ${line} from preparation_log`,
  );
}

/** It ended well: the build, whose id the SQL gives, begins. */
export function endPreparation(batch: Batch, build: string, actor: string): void {
  const reason = "the worker is ready";
  batch.moveAll("prepared", "step", `build_id = ${build} and is_preparation`, {
    ...{ from: "running", to: "finished", reason, actor },
    set: {
      result: SUCCESS,
      state_string: new Expression(
        "'worker ready after ' || greatest(1, round(extract(epoch from now() - started_at))) || ' s'",
      ),
      complete_at: new Expression("now()"),
    },
    event: "steps/{id}/finished",
    body: { buildId: "build_id", result: "result" },
  });
  batch.moveAll("prepared_logs", "log", "step_id in (select id from prepared)", {
    ...{ from: "open", to: "finished", reason: "its step ended", actor },
    event: "logs/{id}/finished",
    body: { buildId: "build_id", stepId: "step_id", lines: "line_count" },
  });
}

/**
 * Parts of a statement, of which `grown` gives how far each log has come.
 * @param builds a select of builds by `id`
 * @param lines SQL of how many lines, of their bytes as they are stored, and without what says whose they are
 */
export const appendSql = (
  builds: string,
  lines: { readonly count: string; readonly data: string; readonly prefixes: string },
  most: number | string = MOST_LINES,
): string => `
  room as (
    select l.id, l.org_id, l.build_id, l.line_count, l.created_at from log l join step t on t.id = l.step_id
    where l.build_id in (${builds}) and t.is_preparation and l.state = 'open' and l.line_count < ${most}
    order by l.id for update of l),
  grown as (
    update log l set line_count = l.line_count + ${lines.count},
      byte_count = l.byte_count + length(${lines.data}) - ${lines.prefixes}
    from room where l.id = room.id returning l.id, l.org_id, l.build_id, l.line_count),
  chunks as (
    insert into log_chunk (log_id, first_line, log_created_at, org_id, line_count, byte_count, method, data)
    select id, line_count, created_at, org_id, ${lines.count}, length(${lines.data}), 0, ${lines.data} from room)`;

export interface Grown {
  readonly logId: LogId;
  readonly orgId: OrgId;
  readonly buildId: BuildId;
  readonly lineCount: number;
}

/**
 * Written for every build that waits for the machine of these workers now.
 * @param isLast nothing comes after it
 * @returns how far the logs have come
 */
export async function notePreparation(
  q: Queryable,
  lines: ReadonlyMap<WorkerId, readonly PreparationLine[]>,
  { isLast = false }: { readonly isLast?: boolean } = {},
): Promise<Grown[]> {
  const noted = [...lines].filter(([, of]) => of.length > 0);
  if (noted.length === 0) return [];
  const stored = noted.map(([, of]) =>
    Buffer.from(of.map(({ voice, text }) => `${voice}${oneLine(text)}\n`).join("")),
  );
  return q.rows<Grown>(
    {
      name: "note-preparation",
      text: `with noted as materialized (
          select b.id as build_id, n.lines, n.data
          from unnest($1::bigint[], $2::int[], $3::bytea[]) as n (worker_id, lines, data)
          join build b on b.worker_id = n.worker_id and b.state = 'preparing' and b.session_id is null),
        ${appendSql(
          "select build_id from noted",
          {
            count: "(select n.lines from noted n where n.build_id = room.build_id)",
            data: "(select n.data from noted n where n.build_id = room.build_id)",
            prefixes: "(select n.lines from noted n where n.build_id = room.build_id)",
          },
          "$4::int",
        )}
      select id as "logId", org_id as "orgId", build_id as "buildId", line_count as "lineCount" from grown`,
    },
    [
      noted.map(([workerId]) => workerId),
      noted.map(([, of]) => of.length),
      stored,
      isLast ? MOST_LINES + ROOM_AT_END : MOST_LINES,
    ],
  );
}

/** Control characters but the tabulator and the escapes of colours would break the line. */
function oneLine(text: string): string {
  return text
    .slice(0, MOST_CHARACTERS)
    .replaceAll(/\p{Cc}/gu, (sign) => (sign === "\t" || sign === "\u001b" ? sign : " "));
}
