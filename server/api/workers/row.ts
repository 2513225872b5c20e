import { type ShownFacts, type ShownState, shownState } from "../../domain/workers/shown-state";
import { HOLD, type PoolHold } from "../pools/row";
import { ms } from "../sql";

/** What the database says of a worker; `shown` is made of it. Times in milliseconds. */
export interface WorkerFactsRow extends ShownFacts {
  id: number;
  name: string;
  loginName: string;
  kind: string;
  pausedAt: number | null;
  quarantineSeconds: number;
  /** Which fault in a row it was; 0: it has built well since. */
  quarantineCount: number;
  protocol: string | null;
  peer: string | null;
  connectedAt: number | null;
  version: string | null;
  system: string | null;
  /** It is not in the configuration any more. */
  isRemoved: boolean;
  /** When it will have been away for too long; null: it is not waited for. */
  missingAt: number | null;
  /** Of a latent worker; null: it is static. */
  latent: LatentFacts | null;
  /** Whose place it is, and what keeps that from making machines; null: it is a worker of its own. */
  pool: PoolHold | null;
  /** The builds it runs now. */
  running: { id: number; number: number; builderId: number; builder: string; startedAt: number }[];
  /** Its last ten finished builds, oldest first. */
  recent: { id: number; number: number; builderId: number; builder: string; result: number }[];
}

/** Where a latent worker is in its life, and what it waits for. Times in milliseconds. */
export interface LatentFacts {
  since: number;
  /** Its present machine. */
  instanceId: number | null;
  generation: number;
  /** By when its machine must have logged in; null: at no time. */
  missingAt: number | null;
  /** So long a machine is kept after its last build; below 0: for ever. */
  keptSeconds: number;
  /** When its last build ended, if it had its present machine. */
  idleSince: number | null;
  /** When its present machine lost its connection. */
  lostAt: number | null;
}

export interface WorkerRow extends WorkerFactsRow {
  shown: ShownState;
}

export const withShown = <R extends WorkerFactsRow>(row: R, now: number): R & WorkerRow => ({
  ...row,
  shown: shownState(row, now),
});

/** Null when it is over: its end is compared with the clock that it was written by. */
export const QUARANTINED_UNTIL = `case when k.quarantined_until > now() then ${ms("k.quarantined_until")} end`;

export const WORKER_COLUMNS = `
  k.id, k.name, k.login_name as "loginName", k.kind, k.max_builds as "maxBuilds",
  k.session_id is not null as "isConnected", k.paused_at is not null as "isPaused",
  ${ms("k.paused_at")} as "pausedAt", k.paused_by as "pausedBy", k.pause_reason as "pauseReason",
  k.is_draining as "isDraining", ${QUARANTINED_UNTIL} as "quarantinedUntil",
  k.quarantine_seconds as "quarantineSeconds", k.quarantine_count as "quarantineCount", k.quarantine_reason as "quarantineReason",
  ${ms("k.last_seen_at")} as "lastSeenAt", n.protocol, n.peer, ${ms("n.started_at")} as "connectedAt",
  k.removed_at is not null as "isRemoved", ${ms("gone.fire_at")} as "missingAt",
  k.facts ->> 'version' as version, k.facts ->> 'system' as system,
  l.state as "latentState", case when l.id is not null then json_build_object('since', ${ms("l.state_since")},
    'instanceId', l.instance_id, 'generation', l.generation, 'missingAt', ${ms("l.missing_at")},
    'keptSeconds', coalesce((k.config->>'build_wait_timeout')::float8, l.build_wait_seconds),
    'idleSince', case when l.state = 'substantiated' then (select ${ms("max(x.complete_at)")} from build x
      where x.worker_id = k.id and x.complete_at >= l.state_since) end,
    'lostAt', case when l.state = 'substantiated' and k.session_id is null then (select ${ms("e.ended_at")}
      from worker_session e where e.worker_id = k.id order by e.id desc limit 1) end) end as latent, ${HOLD} as pool,
  run.running, json_array_length(run.running) as "buildCount", past.recent`;

export const WORKER_TABLES = `
  worker k
  left join worker_session n on n.id = k.session_id
  left join latent_worker l on l.worker_id = k.id and l.is_latent
  left join pool p on p.id = k.pool_id
  left join deadline gone on gone.kind = 'worker-missing' and gone.subject_id = k.id
  cross join lateral (
    select coalesce(json_agg(json_build_object('id', x.id, 'number', x.number, 'builderId', x.builder_id,
             'builder', b.name, 'startedAt', ${ms("coalesce(x.started_at, x.created_at)")}) order by x.id), '[]') as running
    from build x join builder b on b.id = x.builder_id
    where x.worker_id = k.id and x.state <> 'finished') run
  cross join lateral (
    select coalesce(json_agg(json_build_object('id', y.id, 'number', y.number, 'builderId', y.builder_id,
             'builder', y.name, 'result', y.result) order by y.id), '[]') as recent
    from (select x.id, x.number, x.builder_id, b.name, x.result from build x join builder b on b.id = x.builder_id
          where x.worker_id = k.id and x.state = 'finished' order by x.id desc limit 10) y) past`;
