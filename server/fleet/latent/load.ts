/** A latent worker as it stands: one statement, on the database's clock. */
import { z } from "zod";
import type { Queryable } from "../../db/pool";
import { BUILDS_BEHIND, IS_UNWELCOME } from "../../db/pool-rows";
import type { InstanceId, OrgId, PoolId, WorkerId } from "../../domain/ids";
import {
  CHECK_INSTANCE_SECONDS,
  type InstanceState,
  isTemplatedSql,
  LATENT_MISSING_SECONDS,
  type LatentFacts,
  type LatentOptions,
  MAX_LIFETIME_GRACE_SECONDS,
  MAX_LIFETIME_SECONDS,
  writtenHashSql,
} from "../../domain/latent";
import { type InstanceHandle, instanceTagSchema } from "../../drivers/contract";

/** Of the present machine. */
export interface Machine {
  readonly id: InstanceId;
  readonly key: string;
  readonly kind: string;
  readonly state: InstanceState;
  /** Of its state, for a person. */
  readonly reason: string;
  /** It stands in line: the provider never heard of it. */
  readonly isUnasked: boolean;
  readonly generation: number;
  readonly config: unknown;
  /** As the driver gave it; null before it answered. */
  readonly handle: unknown;
}

export interface Latent {
  readonly id: number;
  readonly orgId: OrgId;
  readonly orgSlug: string;
  readonly workerId: WorkerId;
  readonly workerName: string;
  readonly loginName: string;
  readonly poolId: PoolId | null;
  /** Buildbot's class name, and all of the worker's options. */
  readonly kind: string;
  readonly config: unknown;
  /** What its driver is told may depend on the build that it is for. */
  readonly isTemplated: boolean;
  readonly sealedPassword: Buffer | null;
  /** All its machines have the same, of a secret; else each has its own. */
  readonly hasOnePassword: boolean;
  readonly generation: number;
  readonly claims: number;
  /** When it is to be looked at next, as the database writes it; null: when something happens. */
  readonly dueAt: string | null;
  /** Of whoever drives it. */
  readonly epoch: number;
  readonly facts: LatentFacts;
  readonly machine: Machine | null;
}

/** Of the facts, what is read as it is. */
type Stored = Omit<LatentFacts, "options" | "instance" | "expiresAt" | "endsAt">;

interface Row extends Omit<Latent, "facts"> {
  readonly facts: Stored;
  readonly buildWaitSeconds: number;
  readonly bornAt: number | null;
}

/** Of options, what the life cycle needs; what is amiss was refused when it was configured. */
const optionsSchema = z.object({
  build_wait_timeout: z.number().nullish().catch(null),
  missing_timeout: z.number().min(0).catch(LATENT_MISSING_SECONDS),
  check_instance_interval: z.number().positive().catch(CHECK_INSTANCE_SECONDS),
});

/** The same of the options that a machine was made with. */
const lifetimeSchema = z.object({
  max_lifetime: z.number().positive().nullable().catch(MAX_LIFETIME_SECONDS),
  max_lifetime_grace: z.number().min(0).nullable().catch(MAX_LIFETIME_GRACE_SECONDS),
});

/** SQL over a row `x` of `build`: it waits for a machine. */
export const WAITS = "x.state = 'preparing' and x.session_id is null";
const ms = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`;

/**
 * `PoolWish` of the domain, over the rows `l`, `w`, `p` and `b`. Who may not start keeps no machine ready
 * either. Those that wait for the machine have not worn it: it would never be given to them.
 */
const POOL_WISH = `jsonb_build_object(
  'isWished', l.is_wished and w.paused_at is null and not w.is_draining
    and (w.quarantined_until is null or w.quarantined_until <= now()),
  'unwelcome', case when ${IS_UNWELCOME} then case when p.steering = 'drain' then 'its pool is being drained: ' || p.steer_reason
    else 'its pool may have ' || p.max_workers || ' machines' end end,
  'worn', case when l.state = 'substantiated' and (p.config->>'maxBuildsPerInstance')::int <= coalesce(b.running, 0) + ${BUILDS_BEHIND}
    then 'it has had its ' || (p.config->>'maxBuildsPerInstance') || ' builds' end,
  'wornAt', case when l.state = 'substantiated'
    then ${ms("l.state_since")} + 1000 * (p.config->>'maxLifetime')::float8 end)`;

const FACTS = `jsonb_build_object(
  'now', ${ms("clock_timestamp()")}, 'state', l.state, 'since', ${ms("l.state_since")}, 'failure', l.failure,
  'isEnding', l.is_ending or not l.is_latent or w.removed_at is not null, 'isDraining', w.is_draining,
  'missingAt', ${ms("l.missing_at")}, 'isStartAnswered', l.start_answered_at is not null, 'checkedAt', ${ms("l.checked_at")},
  'isConnected', c.is_connected, 'isTaking', c.is_taking,
  'lostAt', case when not c.is_connected and last.ended_at >= l.state_since then ${ms("last.ended_at")} end,
  'isLostByUs', coalesce(last.end_requested = 'release' or last.is_gone, false),
  'waiting', coalesce(b.waiting, 0), 'running', coalesce(b.running, 0), 'unstopped', coalesce(b.unstopped, 0),
  'idleSince', (select ${ms("x.complete_at")} from build x where x.worker_id = w.id and x.complete_at is not null
    order by x.complete_at desc limit 1),
  'unlistedAt', ${ms("i.unlisted_at")},
  'stopAsked', case when i.stop_requested_at is not null then i.stop_requested_by || ' stopped its machine: ' || i.stop_reason end,
  'isOutdated', coalesce(i.written_hash <> ${writtenHashSql("w.config")}, false), 'needsOther', l.needs_other,
  'pool', case when p.id is not null then ${POOL_WISH} end)`;

/** The connection of its present machine, if there is one: whether it is there, and whether it takes builds. */
const CONNECTION = `select count(s.id) > 0 as is_connected,
    count(s.id) filter (where s.end_requested is null and o.gone_at is null and o.lease_expires_at > now()) > 0 as is_taking
  from worker_session s join process o on o.id = s.process_id
  where s.id = w.session_id and s.ended_at is null and s.generation = l.generation and s.end_requested is distinct from 'kill'`;

/** Those that somebody wants stopped wait for nothing any more. */
const BUILDS = `select (count(*) filter (where ${WAITS} and x.stop_requested_at is null))::int as waiting,
    (count(*) filter (where not (${WAITS})))::int as running,
    (count(*) filter (where not (${WAITS}) and x.stop_requested_at is null))::int as unstopped
  from build x where x.worker_id = w.id and x.state <> 'finished'`;

export async function loadLatent(q: Queryable, workerId: WorkerId): Promise<Latent | null> {
  const [row] = await q.rows<Row>(
    {
      name: "latent-worker",
      text: `select l.id, l.org_id as "orgId", g.slug as "orgSlug", l.worker_id as "workerId", w.name as "workerName",
          w.login_name as "loginName", w.pool_id as "poolId", w.kind, w.config, ${isTemplatedSql("w.config")} as "isTemplated",
          case when w.password_secret is null then w.sealed_password else
            (select s.sealed from secret s where s.org_id = w.org_id and s.name = w.password_secret) end as "sealedPassword",
          w.password_secret is not null as "hasOnePassword",
          l.generation, l.claims, l.owner_epoch as epoch, d.fire_at::text as "dueAt",
          l.build_wait_seconds as "buildWaitSeconds", ${ms("i.created_at")} as "bornAt", ${FACTS} as facts,
          case when i.id is not null then jsonb_build_object('id', i.id, 'key', i.key, 'kind', i.driver, 'state', i.state,
            'reason', i.reason, 'isUnasked', i.is_unasked, 'generation', i.generation, 'config', i.config, 'handle', i.handle) end as machine
        from latent_worker l join worker w on w.id = l.worker_id join organization g on g.id = l.org_id
        left join instance i on i.id = l.instance_id left join pool p on p.id = w.pool_id
        left join deadline d on d.kind = 'latent-worker' and d.subject_id = l.worker_id
        left join lateral (
          select s.ended_at, s.end_requested, o.gone_at is not null as is_gone
          from worker_session s join process o on o.id = s.process_id
          where s.worker_id = w.id order by s.id desc limit 1) last on true
        cross join lateral (${CONNECTION}) c cross join lateral (${BUILDS}) b
        where l.worker_id = $1`,
    },
    [workerId],
  );
  if (!row) return null;
  const { facts, machine, buildWaitSeconds, bornAt } = row;
  return {
    ...row,
    facts: {
      ...facts,
      ...limits(bornAt, machine?.config),
      options: optionsOf(row.config, buildWaitSeconds),
      instance: machine?.state ?? null,
    },
  };
}

function optionsOf(config: unknown, usualWait: number): LatentOptions {
  const options = optionsSchema.parse(config);
  return {
    buildWaitTimeout: options.build_wait_timeout ?? usualWait,
    missingTimeout: options.missing_timeout,
    checkInstanceInterval: options.check_instance_interval,
  };
}

function limits(bornAt: number | null, config: unknown): Pick<LatentFacts, "expiresAt" | "endsAt"> {
  const { max_lifetime, max_lifetime_grace } = lifetimeSchema.parse(config ?? {});
  if (bornAt === null || max_lifetime === null) return { expiresAt: null, endsAt: null };
  const expiresAt = bornAt + max_lifetime * 1_000;
  const endsAt = max_lifetime_grace === null ? null : expiresAt + max_lifetime_grace * 1_000;
  return { expiresAt, endsAt };
}

/** As the provider knows it; before it answered, by its key alone. */
export function handleOf(
  installation: string,
  latent: { readonly orgId: number; readonly workerId: number },
  machine: Pick<Machine, "key" | "generation" | "handle">,
): InstanceHandle {
  const { orgId: organization, workerId: worker } = latent;
  const { key, generation } = machine;
  const stored = handleSchema.safeParse(machine.handle).data;
  const tag = stored?.tag ?? { installation, organization, worker, generation };
  return { key, tag, ref: stored?.ref ?? null, madeAt: stored?.madeAt ?? null };
}

const handleSchema = z.object({
  tag: instanceTagSchema,
  ref: z.json(),
  madeAt: z.number().nullable(),
});
