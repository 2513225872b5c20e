/** What a process needs to know to run the builds it owns: one statement. */
import { z } from "zod";
import type { Queryable } from "../../db/pool";
import type {
  BuilderId,
  BuildId,
  BuildRequestId,
  BuildsetId,
  OrgId,
  ProcessId,
  SessionId,
  StepId,
  WorkerId,
} from "../../domain/ids";
import type { JsonValue, Properties } from "../../domain/properties";
import type { SourceStamp } from "../../steps/contract";
import type { StoredLog } from "./step-logs";

const values = z.record(z.string(), z.json());

/** A builder's configuration, as server/config stores it. */
export const builderConfigSchema = z.object({
  name: z.string(),
  builddir: z.string(),
  env: z.record(z.string(), z.union([z.string(), z.array(z.string()), z.null()])).default({}),
  globalProperties: values.default({}),
  properties: values.default({}),
  defaultProperties: values.default({}),
  steps: z.array(z.record(z.string(), z.json())),
});

export type BuilderConfig = z.output<typeof builderConfigSchema>;

const workerConfigSchema = z.object({
  properties: values.default({}),
  defaultProperties: values.default({}),
  machine_name: z.string().nullish(),
});

/** What a worker said of itself when it connected, as far as a build wants to know. */
const factsSchema = z.object({
  version: z.string().catch(""),
  system: z.string().catch(""),
  basedir: z.string().catch(""),
  numcpus: z.number().nullable().catch(null),
  workerCommands: z.record(z.string(), z.string()).catch({}),
  environ: z.record(z.string(), z.string()).catch({}),
  info: z.record(z.string(), z.string()).catch({}),
  keeps: z.string().nullable().catch(null),
});

export type Facts = z.output<typeof factsSchema>;

/** As `%(src:codebase:changes)s` shows it. */
export interface ChangeOfBuild {
  readonly changeid: number;
  readonly codebase: string;
  readonly revision: string | null;
  readonly properties: Readonly<Record<string, JsonValue>>;
  readonly [more: string]: JsonValue;
}

export interface BuildToRun {
  readonly buildId: BuildId;
  readonly orgId: OrgId;
  readonly number: number;
  readonly builderId: BuilderId;
  readonly builderName: string;
  readonly builddir: string;
  readonly ownerId: ProcessId;
  readonly ownerEpoch: number;
  readonly requestId: BuildRequestId;
  readonly buildsetId: BuildsetId;
  readonly sessionId: SessionId | null;
  readonly workerId: WorkerId;
  readonly workerName: string;
  /** It ends with this installation. */
  readonly isWorkerLocal: boolean;
  readonly facts: Facts;
  readonly orgSlug: string;
  /** Null when what is stored cannot be read; the build then ends in EXCEPTION. */
  readonly config: BuilderConfig | null;
  readonly worker: z.output<typeof workerConfigSchema>;
  readonly owner: string | null;
  /** Who wrote the changes it is built for (C-075). */
  readonly authors: readonly string[];
  /** Oldest first; the newest of them when they are very many. */
  readonly changes: readonly ChangeOfBuild[];
  readonly scheduler: string;
  readonly buildsetProperties: Properties;
  readonly sourceStamps: readonly SourceStamp[];
  /** Somebody wanted it stopped before it began. */
  readonly stop: StopRequest | null;
  readonly createdAt: Date;
  /** It waited for a machine: a step of its own, before the others. */
  readonly wasPrepared: boolean;
  /** Null for a build that has not begun. */
  readonly begun: Begun | null;
}

/** How far a build came that another process began, or this one over another connection. */
export interface Begun {
  /** As they were when its current step began. */
  readonly properties: Properties;
  /** In order. A build that has begun has one that runs, unless it has none at all. */
  readonly steps: readonly {
    readonly stepId: StepId;
    readonly state: string;
    readonly result: number | null;
    readonly summary: string;
  }[];
  /** Of the step that runs. */
  readonly logs: readonly StoredLog[];
  /** That step began after the build was stopped. */
  readonly isStopOlder: boolean;
  /** That step had acquired its locks. */
  readonly hasLocks: boolean;
  readonly startedAt: string;
}

type Row = Omit<BuildToRun, "config" | "worker" | "facts" | "begun"> & {
  readonly begun: (Omit<Begun, "logs"> & { logs: (StoredLog & { createdAt: string })[] }) | null;
} & Record<"config" | "worker" | "facts", unknown>;

const BEGUN = `jsonb_build_object('properties', b.properties, 'startedAt', b.started_at,
  'steps', coalesce((select jsonb_agg(jsonb_build_object('stepId', t.id, 'state', t.state, 'result', t.result,
      'summary', t.state_string) order by t.number) from step t where t.build_id = b.id and not t.is_preparation), '[]'),
  'logs', coalesce((select jsonb_agg(jsonb_build_object('logId', l.id, 'name', l.name, 'slug', l.slug,
      'createdAt', l.created_at, 'lineCount', l.line_count, 'byteCount', l.byte_count))
    from log l join step t on t.id = l.step_id
    where l.build_id = b.id and t.state = 'running' and l.state = 'open'), '[]'),
  'hasLocks', exists (select from step t
    where t.build_id = b.id and t.state = 'running' and t.locks_acquired_at is not null),
  'isStopOlder', coalesce(b.stop_requested_at <
    (select t.started_at from step t where t.build_id = b.id and t.state = 'running'), false))`;

const CHANGES = `select coalesce(jsonb_agg(jsonb_build_object('changeid', x.id, 'codebase', x.codebase, 'author', x.author,
    'committer', x.committer, 'comments', x.comments, 'files', x.files, 'revision', x.revision, 'branch', x.branch,
    'repository', x.repository, 'project', x.project, 'category', x.category, 'revlink', x.revlink,
    'when_timestamp', extract(epoch from x.when_at)::bigint, 'properties', x.properties) order by x.id), '[]')
  from (select x.* from changes_of_request(q.id) y join change x on x.id = y.change_id order by x.id desc limit 100) x`;

/** Builds this process owns and has not begun, oldest first. */
export function loadPreparing(q: Queryable, ownerId: ProcessId): Promise<BuildToRun[]> {
  const which = "b.owner_id = $1 and b.state = 'preparing' and b.state <> 'finished'";
  return load(q, "builds-to-run", "null", which, [ownerId]);
}

/** Builds that had begun when this process took them over for this session, oldest first. */
export function loadBegun(
  q: Queryable,
  ownerId: ProcessId,
  sessionId: SessionId,
): Promise<BuildToRun[]> {
  const which =
    "b.owner_id = $1 and b.session_id = $2 and b.state = 'running' and b.state <> 'finished'";
  return load(q, "builds-to-carry-on", BEGUN, which, [ownerId, sessionId]);
}

/** Builds that wait for the machine of this worker, oldest first. */
export function loadWaitingFor(q: Queryable, workerId: WorkerId): Promise<BuildToRun[]> {
  const which =
    "b.worker_id = $1 and b.state = 'preparing' and b.state <> 'finished' and b.session_id is null";
  return load(q, "builds-for-a-machine", "null", which, [workerId]);
}

/** The build that a request would have on this worker; it has no number yet. */
export function loadImagined(
  q: Queryable,
  requestId: BuildRequestId,
  workerId: WorkerId,
): Promise<BuildToRun[]> {
  const imagined = `(select 0::bigint as id, x.org_id, 0 as number, x.builder_id, 0::bigint as owner_id, 0 as owner_epoch,
      x.id as build_request_id, null::bigint as session_id, $2::bigint as worker_id, now() as created_at,
      o.current_config_id as builder_config_id, null::timestamptz as stop_requested_at, null as stop_reason,
      null as stop_requested_by, null::smallint as stop_result
    from build_request x join builder o on o.id = x.builder_id where x.id = $1)`;
  return load(q, "imagined-build", "null", "true", [requestId, workerId], imagined);
}

async function load(
  q: Queryable,
  name: string,
  begun: string,
  which: string,
  values: readonly unknown[],
  builds = "build",
): Promise<BuildToRun[]> {
  const rows = await q.rows<Row>(
    {
      name,
      text: `select b.id as "buildId", b.org_id as "orgId", b.number, b.builder_id as "builderId", r.name as "builderName",
          r.builddir, b.owner_id as "ownerId", b.owner_epoch as "ownerEpoch", b.build_request_id as "requestId",
          q.buildset_id as "buildsetId", b.session_id as "sessionId", b.worker_id as "workerId", w.name as "workerName",
          w.kind = 'LocalWorker' as "isWorkerLocal",
          exists (select from step t where t.build_id = b.id and t.is_preparation) as "wasPrepared",
          coalesce(w.facts, '{}') as facts, b.created_at as "createdAt", ${begun} as begun, g.slug as "orgSlug", c.config, w.config as worker, s.owner, s.scheduler,
          array(select distinct x.author from changes_of_request(q.id) y join change x on x.id = y.change_id order by 1) as authors,
          (${CHANGES}) as changes,
          s.properties as "buildsetProperties",
          case when b.stop_requested_at is not null then jsonb_build_object('buildId', b.id,
            'reason', coalesce(b.stop_reason, ''), 'by', coalesce(b.stop_requested_by, ''), 'result', b.stop_result) end as stop,
          coalesce((select jsonb_agg(jsonb_build_object('codebase', t.codebase, 'repository', t.repository,
              'branch', t.branch, 'revision', t.revision, 'project', t.project, 'patch', t.patch) order by t.codebase)
            from buildset_source_stamp l join source_stamp t on t.id = l.source_stamp_id
            where l.buildset_id = q.buildset_id), '[]') as "sourceStamps"
        from ${builds} b
        join organization g on g.id = b.org_id
        join builder r on r.id = b.builder_id
        join builder_config c on c.id = b.builder_config_id
        join worker w on w.id = b.worker_id
        join build_request q on q.id = b.build_request_id
        join buildset s on s.id = q.buildset_id
        where ${which} order by b.id`,
    },
    values,
  );
  return rows.map((row) => ({
    ...row,
    sourceStamps: row.sourceStamps.map((stamp) => ({
      ...stamp,
      changes: row.changes.filter(({ codebase }) => codebase === stamp.codebase),
    })),
    begun: row.begun && {
      ...row.begun,
      logs: row.begun.logs.map((log) => ({ ...log, createdAt: new Date(log.createdAt) })),
    },
    config: builderConfigSchema.safeParse(row.config).data ?? null,
    facts: factsSchema.parse(row.facts),
    worker: workerConfigSchema.safeParse(row.worker).data ?? {
      properties: {},
      defaultProperties: {},
    },
  }));
}

/** Whether one of these secrets was written since; what it was before is known to nobody here. */
export async function haveSecretsChanged(
  q: Queryable,
  orgId: OrgId,
  names: readonly string[],
  since: string,
): Promise<boolean> {
  if (names.length === 0) return false;
  const rows = await q.rows(
    "select from secret where org_id = $1 and name = any($2) and updated_at > $3::timestamptz limit 1",
    [orgId, names, since],
  );
  return rows.length > 0;
}

/** Whether somebody, or its worker, wanted the worker to go since the build was made. */
export async function isGoing(q: Queryable, buildId: BuildId): Promise<boolean> {
  const rows = await q.rows(
    `select from build b cross join lateral (select e.kind, e.at from worker_event e
         where e.worker_id = b.worker_id order by e.id desc limit 20) e
       where b.id = $1 and e.kind = 'draining' and e.at >= b.created_at limit 1`,
    [buildId],
  );
  return rows.length > 0;
}

export interface StopRequest {
  readonly buildId: BuildId;
  readonly reason: string;
  readonly by: string;
  readonly result: number | null;
}

/** Builds of this process that somebody asked to stop. */
export function loadStopRequests(q: Queryable, ownerId: ProcessId): Promise<StopRequest[]> {
  return q.rows<StopRequest>(
    {
      name: "stop-requests",
      text: `select id as "buildId", coalesce(stop_reason, '') as reason, coalesce(stop_requested_by, '') as by,
          stop_result as result
        from build where owner_id = $1 and state <> 'finished' and stop_requested_at is not null`,
    },
    [ownerId],
  );
}

export interface Owned {
  readonly id: BuildId;
  readonly state: string;
  /** Null: it has begun and waits for its worker to come back. */
  readonly sessionId: SessionId | null;
  readonly epoch: number;
}

/** Every unfinished build of this process. */
export function loadOwned(q: Queryable, ownerId: ProcessId): Promise<Owned[]> {
  return q.rows(
    {
      name: "builds-owned",
      text: `select id, state, session_id as "sessionId", owner_epoch as epoch
        from build where owner_id = $1 and state <> 'finished'`,
    },
    [ownerId],
  );
}
