/**
 * The waiting requests of an organisation and the workers that could take them: one statement,
 * whose cost follows the builders that wait, not how many requests, builders or builds exist.
 */
import type { Queryable } from "../../db/pool";
import { IS_UNWELCOME, IS_WORN, PLACES_ON_MACHINE } from "../../db/pool-rows";
import type { OrgId } from "../../domain/ids";
import { isTemplatedSql, LATENT_MISSING_SECONDS, writtenHashSql } from "../../domain/latent";
import type { LockAccess, LockBook } from "../../domain/locks";
import type { PooledBuilder } from "../../domain/pools";
import { type Candidate, needsMachine, type WaitingBuilder } from "../../domain/scheduling";
import { loadLocks } from "../locks/load-locks";

/** A builder runs once per worker, so no more of its requests than workers can start at a time. */
const HEADS = 50;

/** Over `w` of `worker`, `b` of `builder`, and `l` and `p` of `WITH_LATENT`. */
const CANDIDATE = `jsonb_build_object(
  'workerId', w.id, 'name', w.name, 'sessionId', w.session_id, 'isPaused', w.paused_at is not null,
  'isDraining', w.is_draining or ${IS_UNWELCOME},
  'quarantinedUntil', case when w.quarantined_until > now() then (extract(epoch from w.quarantined_until) * 1000)::bigint end,
  'maxBuilds', w.max_builds, 'locks', w.locks,
  'latent', case when l.id is not null then jsonb_build_object('id', l.id, 'state', l.state,
      'missingSeconds', coalesce((w.config->>'missing_timeout')::float8, ${LATENT_MISSING_SECONDS}),
      'isConnected', exists (select from worker_session y join process z on z.id = y.process_id
        where y.id = w.session_id and y.generation = l.generation and y.ended_at is null and y.end_requested is null
          and z.gone_at is null and z.lease_expires_at > now()),
      'isUsed', coalesce((w.config->>'build_wait_timeout')::float8, l.build_wait_seconds) = 0 and coalesce((
        select y.complete_at from build y where y.worker_id = w.id and y.complete_at is not null
        order by y.complete_at desc limit 1) >= l.state_since, false),
      'isWorn', p.id is not null and ${IS_WORN},
      'claims', l.claims, 'isGivenUp', l.needs_other and l.state = 'substantiated', 'places', ${PLACES_ON_MACHINE},
      'isOutdated', coalesce((select i.written_hash <> ${writtenHashSql("w.config")} from instance i where i.id = l.instance_id), false),
      'templated', case when ${isTemplatedSql("w.config")} then jsonb_build_object('config', w.config,
        'hash', (select encode(i.config_hash, 'hex') from instance i
          where i.id = l.instance_id and l.state in ('starting', 'substantiated') and not l.needs_other)) end,
      'isPooled', p.id is not null, 'isOpen', p.id is null or l.is_open or l.is_wished) end,
  'busySlots', coalesce((select jsonb_agg(x.worker_slot) from build x where x.worker_id = w.id and x.state <> 'finished'), '[]'),
  'isPairBusy', exists (select from build x where x.worker_id = w.id and x.builder_id = b.id and x.state <> 'finished'))`;

const WITH_LATENT = `left join latent_worker l on l.worker_id = w.id and l.is_latent left join pool p on p.id = w.pool_id`;

/**
 * Those that are there, those on their way, those for which a machine is to be made; latent ones the
 * fullest first and then by number, others the emptiest first. As `assign` has it, for the choice of the
 * few that it is shown.
 */
const PREFERRED = `case when a.l is null then 0 when not a.spent and a.there then 1
    when a.state in ('substantiating', 'starting', 'resubstantiating') then 2
    when a.state = 'insubstantiated' then 3 else 4 end,
  case when a.l is null then a.busy else -a.busy end,
  case when a.l is null then random() else coalesce(w.pool_number, w.id) end`;
/** Without it the planner writes the whole of a candidate out wherever a part of it is named. */
const ONCE = "offset 0";
const ASPECTS = `cross join lateral (select ${CANDIDATE} as candidate ${ONCE}) c
  cross join lateral (select nullif(c.candidate->'latent', 'null') as l, c.candidate->'latent'->>'state' as state,
    jsonb_array_length(c.candidate->'busySlots') as busy,
    c.candidate->'latent'->>'state' = 'substantiated' and (c.candidate->'latent'->>'isConnected')::boolean as there,
    jsonb_array_length(c.candidate->'busySlots') = 0 and ((c.candidate->'latent'->>'isUsed')::boolean
      or (c.candidate->'latent'->>'isWorn')::boolean or (c.candidate->'latent'->>'isOutdated')::boolean
      or (c.candidate->'latent'->>'isGivenUp')::boolean) as spent ${ONCE}) a`;

/**
 * The worker that a request `r` of builder `b` names, where the builder obeys that. Properties are
 * read for such builders alone.
 */
export const CHOSEN_WORKER = `case when b.can_start_build = 'enforceChosenWorker' then
  (select s.properties->'workername'->>0 from buildset s
   where s.id = r.buildset_id and jsonb_typeof(s.properties->'workername'->0) = 'string') end`;

/**
 * Of a builder `b`: its project's part in the first of its pools that has weights. What projects have of
 * such pools is counted once, and where there are none nothing is.
 */
const SHARE = `select jsonb_build_object('poolId', p.id, 'projectId', coalesce(b.project_id, 0),
    'weight', coalesce((p.config->'weights'->>j.name)::float8, 1), 'running', coalesce((
      select u.running from usage u where u.pool_id = p.id and u.project_id = coalesce(b.project_id, 0)), 0)) as share
  from builder_pool x join pool p on p.id = x.pool_id left join project j on j.id = b.project_id
  where x.builder_id = b.id and p.removed_at is null and p.config ? 'weights' order by p.id limit 1`;
const USAGE = `select w.pool_id, coalesce(y.project_id, 0) as project_id, count(*)::int as running
  from pool p join worker w on w.pool_id = p.id join build x on x.worker_id = w.id and x.state <> 'finished'
  join builder y on y.id = x.builder_id
  where p.org_id = $1 and p.removed_at is null and p.config ? 'weights' group by 1, 2`;

const IS_THERE = "h.id is not null";
const MAY_COME = `(${IS_THERE} or l.id is not null and not l.is_ending and l.state <> 'shut-down' and l.failure is null)`;

/**
 * @param able SQL: which workers, by what stands between them and a build. Never a parameter: one that
 *   decides so much is planned for anew at each call, which takes longer than the call.
 * @param heads SQL: how many requests of each builder
 * @param rest what else is asked of each builder, and which are left out
 */
const waiting = (
  able: string,
  heads: string,
  rest: { columns: string; joins: string; where: string },
) => `
    with recursive waiting (builder_id) as (
      (select builder_id from build_request where org_id = $1 and state = 'pending' order by builder_id limit 1)
      union all
      select (select r.builder_id from build_request r
              where r.org_id = $1 and r.state = 'pending' and r.builder_id > waiting.builder_id
              order by r.builder_id limit 1)
      from waiting where waiting.builder_id is not null
    ),
    usage as materialized (${USAGE})
    select b.id as "builderId", b.name, b.locks, heads.requests, able.workers, (${SHARE}) as share ${rest.columns}
    from waiting join builder b on b.id = waiting.builder_id
    cross join lateral (
      select jsonb_agg(w.candidate) as workers, jsonb_agg(w.name) as names from (
        select c.candidate, w.name
        from builder_worker bw join worker w on w.id = bw.worker_id ${WITH_LATENT}
        left join worker_session s on s.id = w.session_id and s.ended_at is null and s.end_requested is null
        left join process h on h.id = s.process_id and h.gone_at is null and h.lease_expires_at > now()
        ${ASPECTS}
        where bw.builder_id = b.id and w.removed_at is null and not ${IS_UNWELCOME}
          and ${able}
          and (p.id is null or l.id is null or l.is_open or l.is_wished or not a.spent and l.state not in ('insubstantiated', 'insubstantiating'))
          and w.paused_at is null and not w.is_draining
          and (w.quarantined_until is null or w.quarantined_until <= now())
          and not exists (select from build x where x.worker_id = w.id and x.builder_id = b.id and x.state <> 'finished')
          and (w.max_builds is null or w.max_builds >
            (select count(*) from build x where x.worker_id = w.id and x.state <> 'finished'))
        order by ${PREFERRED}
        limit ${HEADS}) w
    ) able
    ${rest.joins}
    cross join lateral (
      select jsonb_agg(jsonb_build_object('id', r.id, 'priority', r.priority,
        'submittedAt', (extract(epoch from r.submitted_at) * 1000)::bigint, 'worker', r.worker)
        order by r.priority desc, r.id) as requests
      from (select r.id, r.priority, r.submitted_at, chosen.worker from build_request r
            cross join lateral (select ${CHOSEN_WORKER} as worker) chosen
            where r.org_id = $1 and r.builder_id = b.id and r.state = 'pending'
              and (chosen.worker is null or able.names ? chosen.worker)
            order by r.priority desc, r.id limit ${heads}) r
    ) heads
    where heads.requests is not null and b.removed_at is null and ${rest.where}`;

const waitingFor = (able: string) =>
  waiting(able, "jsonb_array_length(able.workers)", {
    ...{ columns: "", joins: "", where: "able.workers is not null" },
  });
const WAITING = { name: "waiting-builders", text: waitingFor(MAY_COME) };
const WAITING_FOR_THOSE_THERE = { name: "waiting-for-those-there", text: waitingFor(IS_THERE) };

/** So many requests of a builder are looked at in one round, and so many machines made for them. */
export const FORESEEN = 200;
const OF_POOLS = {
  name: "waiting-for-pools",
  text: waiting(MAY_COME, String(FORESEEN), {
    columns: ", pools.ids as pools",
    joins: `cross join lateral (select coalesce(jsonb_agg(x.pool_id order by x.pool_id), '[]') as ids
      from builder_pool x where x.builder_id = b.id) pools`,
    where: "(able.workers is not null or pools.ids <> '[]')",
  }),
};

/** Builders with waiting requests and workers or pools that may take one. */
export async function loadPooled(q: Queryable, orgId: OrgId): Promise<PooledBuilder[]> {
  const rows = await q.rows<PooledBuilder & { workers: readonly Candidate[] | null }>(OF_POOLS, [
    orgId,
  ]);
  // What a pool may have made is counted as its new machines, not as workers that it has.
  return rows.map((row) => ({
    ...row,
    workers: (row.workers ?? []).filter(
      (worker) => !worker.latent?.isPooled || !needsMachine(worker),
    ),
  }));
}

/**
 * Builders with waiting requests and at least one worker that may take one.
 * @param withMachines whether latent workers without a connection may
 */
export function loadWaiting(
  q: Queryable,
  orgId: OrgId,
  withMachines = true,
): Promise<WaitingBuilder[]> {
  return q.rows<WaitingBuilder>(withMachines ? WAITING : WAITING_FOR_THOSE_THERE, [orgId]);
}

/** All workers that these builders name, able or not, by builder, and its own locks. */
export async function loadCandidates(
  q: Queryable,
  orgId: OrgId,
  builderIds: readonly number[],
): Promise<Map<number, { locks: readonly LockAccess[]; workers: Candidate[] }>> {
  const rows = await q.rows<{ builder_id: number; locks: LockAccess[]; candidate: Candidate }>(
    {
      name: "builder-candidates",
      text: `select b.id as builder_id, b.locks, ${CANDIDATE} as candidate
        from builder b join builder_worker bw on bw.builder_id = b.id join worker w on w.id = bw.worker_id ${WITH_LATENT}
        where b.org_id = $1 and b.id = any($2) and w.removed_at is null order by b.id, w.name`,
    },
    [orgId, builderIds],
  );
  const byBuilder = new Map<number, { locks: readonly LockAccess[]; workers: Candidate[] }>();
  for (const { builder_id, locks, candidate } of rows) {
    const known = byBuilder.get(builder_id);
    if (known) known.workers.push(candidate);
    else byBuilder.set(builder_id, { locks, workers: [candidate] });
  }
  return byBuilder;
}

/** The locks that builds of these would hold; nothing is asked of the database where there are none. */
export function lockBook(
  q: Queryable,
  orgId: OrgId,
  builders: readonly Pick<WaitingBuilder, "locks" | "workers">[],
): Promise<LockBook> {
  const workers = builders.flatMap((builder) => builder.workers);
  const names = [...builders, ...workers].flatMap(({ locks = [] }) =>
    locks.map(({ name }) => name),
  );
  return loadLocks(
    q,
    orgId,
    names,
    workers.map(({ workerId }) => workerId),
  );
}
