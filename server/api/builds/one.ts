import { z } from "zod";
import { AppError } from "../../domain/errors";
import type { Properties } from "../../domain/properties";
import { ms, type Stamp, stampsOf } from "../sql";
import type { OrgScope } from "../trpc";

export const buildInput = z.object({
  builderId: z.number().int().positive(),
  number: z.number().int().positive(),
});

export interface LogRef {
  id: number;
  name: string;
  slug: string;
  type: string;
  isComplete: boolean;
  lineCount: number;
  byteCount: number;
  cutLines: number;
}

export interface StepRow {
  id: number;
  number: number;
  name: string;
  state: string;
  result: number | null;
  stateString: string;
  isHidden: boolean;
  urls: { name: string; url: string }[];
  startedAt: number | null;
  completeAt: number | null;
  logs: LogRef[];
}

export interface Attempt {
  id: number;
  number: number;
  state: string;
  result: number | null;
}

export interface BuildPage {
  id: number;
  number: number;
  builderId: number;
  builder: string;
  project: string | null;
  workerId: number;
  worker: string;
  /** Whose place the worker is; null: it is one of its own. */
  pool: { id: number; name: string } | null;
  state: string;
  result: number | null;
  stateString: string;
  /** It has begun and its worker is away, which may come back with what it kept. */
  isAwaiting: boolean;
  /** The machine that it waits for or had; null: its worker is static, or had none yet. */
  instanceId: number | null;
  /** While it waits for the machine of a latent worker. */
  awaits: {
    /** Of the worker: `substantiating`, `starting`, … */
    latentState: string;
    reason: string;
    /** Since when it is in that state. */
    since: number;
    /** By when the machine must have logged in; null: at no time. Milliseconds since the epoch. */
    missingAt: number | null;
  } | null;
  properties: Properties;
  requestId: number;
  buildsetId: number;
  reason: string;
  owner: string | null;
  scheduler: string;
  stamps: Stamp[];
  /** Who wrote the changes it is for, and how many there are. */
  authors: string[];
  changeCount: number;
  requestedAt: number;
  createdAt: number;
  startedAt: number | null;
  completeAt: number | null;
  stopRequestedAt: number | null;
  stopRequestedBy: string | null;
  stopReason: string | null;
  /** Builds of the same request, this one among them, oldest first. */
  attempts: Attempt[];
  rebuiltFrom: { builderId: number; number: number } | null;
  rebuilds: { builderId: number; number: number; state: string; result: number | null }[];
  previous: number | null;
  next: number | null;
  /** Median run time of the last successes of this builder, milliseconds. */
  usualMs: number | null;
  steps: StepRow[];
}

export async function oneBuild(
  org: OrgScope,
  input: z.output<typeof buildInput>,
): Promise<BuildPage> {
  return org.within(async (tx) => {
    const [row] = await tx.rows<BuildPage>(ONE, [org.orgId, input.builderId, input.number]);
    if (row === undefined) throw new AppError("request.not-found", { what: "build" });
    return row;
  });
}

const LOGS = `
  select coalesce(json_agg(json_build_object('id', l.id, 'name', l.name, 'slug', l.slug, 'type', l.type,
           'isComplete', l.state <> 'open', 'lineCount', l.line_count, 'byteCount', l.byte_count,
           'cutLines', l.cut_lines) order by l.id), '[]')
  from log l where l.step_id = s.id and l.type <> 'd'`;

const STEPS = `
  select coalesce(json_agg(step order by step.number), '[]') from (
    select s.id, s.number, s.name, s.state, s.result, s.state_string as "stateString", s.is_hidden as "isHidden",
           s.urls, ${ms("s.started_at")} as "startedAt", ${ms("s.complete_at")} as "completeAt",
           (${LOGS}) as logs
    from step s where s.build_id = x.id) step`;

/** A property may hold a whole file: a page that is drawn again and again shows its beginning. */
const SHOWN_CHARACTERS = 20_000;
const SHOWN_PROPERTIES = `(
  select coalesce(jsonb_object_agg(p.key, case
    when length(p.value->>0) <= ${SHOWN_CHARACTERS} or p.value->>0 is null then p.value
    else jsonb_build_array(left(p.value->>0, ${SHOWN_CHARACTERS}) || '… (' || length(p.value->>0) || ' characters in all)',
      p.value->1) end), '{}')
  from jsonb_each(x.properties) p)`;

const ONE = `
  select x.id, x.number, x.builder_id as "builderId", b.name as builder, p.name as project,
         x.worker_id as "workerId", k.name as worker,
         (select json_build_object('id', o.id, 'name', o.name) from pool o where o.id = k.pool_id) as pool, x.state, x.result, x.state_string as "stateString",
         x.state = 'running' and x.session_id is null as "isAwaiting",
         x.instance_id as "instanceId",
         (select json_build_object('latentState', l.state, 'reason', case when l.state = 'substantiated' and l.needs_other
           then 'the machine that is there is not for this build: it goes when its builds are over, and the next one is made'
           else l.reason end, 'since', ${ms("l.state_since")},
           'missingAt', ${ms("l.missing_at")})
          from latent_worker l where l.worker_id = x.worker_id and x.state = 'preparing' and x.session_id is null) as awaits,
         ${SHOWN_PROPERTIES} as properties, r.id as "requestId", s.id as "buildsetId", s.reason, s.owner, s.scheduler,
         ${stampsOf("s.id")} as stamps, because.authors, because.count as "changeCount",
         ${ms("r.submitted_at")} as "requestedAt", ${ms("x.created_at")} as "createdAt",
         ${ms("x.started_at")} as "startedAt", ${ms("x.complete_at")} as "completeAt",
         ${ms("x.stop_requested_at")} as "stopRequestedAt", x.stop_requested_by as "stopRequestedBy",
         x.stop_reason as "stopReason",
         (select json_agg(json_build_object('id', a.id, 'number', a.number, 'state', a.state,
                  'result', a.result) order by a.id)
          from build a where a.build_request_id = r.id) as attempts,
         (select json_build_object('builderId', o.builder_id, 'number', o.number)
          from build o where o.id = s.rebuilt_build_id) as "rebuiltFrom",
         (select coalesce(json_agg(json_build_object('builderId', y.builder_id, 'number', y.number,
                  'state', y.state, 'result', y.result) order by y.id), '[]')
          from buildset ys join build_request yr on yr.buildset_id = ys.id join build y on y.build_request_id = yr.id
          where ys.org_id = $1 and ys.rebuilt_build_id = x.id) as rebuilds,
         (select max(n.number) from build n where n.builder_id = x.builder_id and n.number < x.number) as previous,
         (select min(n.number) from build n where n.builder_id = x.builder_id and n.number > x.number) as next,
         (select (percentile_cont(0.5) within group (order by extract(epoch from m.complete_at - m.started_at)) * 1000)::bigint
          from (select complete_at, started_at from build
                where builder_id = x.builder_id and number < x.number and result in (0, 1) and started_at is not null
                order by number desc limit 10) m) as "usualMs",
         (${STEPS}) as steps
  from build x
  join builder b on b.id = x.builder_id
  left join project p on p.id = b.project_id
  join worker k on k.id = x.worker_id
  join build_request r on r.id = x.build_request_id
  join buildset s on s.id = r.buildset_id
  cross join lateral (
    select count(*) as count, coalesce(json_agg(distinct c.author), '[]') as authors
    from changes_of_request(r.id) q join change c on c.id = q.change_id) because
  where x.org_id = $1 and x.builder_id = $2 and x.number = $3`;
