/** SQL about the workers of pools, for the fleet, which sizes them, and for the pages. */
import { JOIN_SECONDS, RELEASE_SECONDS } from "../domain/pools/options";

const ms = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`;

/** Over a row `w` of `worker`: its connection is there. */
export const IS_CONNECTED = `exists (select from worker_session y join process z on z.id = y.process_id
  where y.id = w.session_id and y.ended_at is null and z.gone_at is null and z.lease_expires_at > now())`;

/** Over `w` of `worker` and `l` of `latent_worker`: builds that its present machine has had. */
export const BUILDS_BEHIND = `(select count(*) from build x where x.worker_id = w.id and x.complete_at >= l.state_since)`;

/** Over the same: builds that its present machine has had or has, or that wait for it. */
const BUILDS_ON_MACHINE = `((select count(*) from build x where x.worker_id = w.id and x.state <> 'finished')
  + ${BUILDS_BEHIND})`;

/** Over the same and `p` of `pool`: builds that its machine, or the one that it waits for, may have at a time. */
export const PLACES_ON_MACHINE = `((p.config->>'maxBuildsPerInstance')::int
  - case when l.state = 'substantiated' then ${BUILDS_BEHIND} else 0 end)`;

/**
 * Over `w` of `worker`, `l` of `latent_worker` and `p` of `pool`, any of the latter two null: the machine
 * has done what a machine of the pool may do.
 */
export const IS_WORN = `coalesce(l.state = 'substantiated' and (
  l.state_since + make_interval(secs => (p.config->>'maxLifetime')::float8) <= now()
  or (p.config->>'maxBuildsPerInstance')::int <= ${BUILDS_ON_MACHINE}), false)`;

/** Over the same: no more builds are to begin on it, nor machines to be made for it. */
export const IS_UNWELCOME = `coalesce(p.steering = 'drain' or w.pool_number > p.max_workers, false)`;

/** A machine that joined has the place, although it may be away for a moment; one that was to go is gone. */
const IS_JOINED = `w.joined_at is not null and (w.session_id is not null or not w.is_draining and (
  w.joined_at > now() - interval '${JOIN_SECONDS} seconds'
  or exists (select from (select y.ended_at from worker_session y where y.worker_id = w.id order by y.id desc limit 1) y
    where y.ended_at > now() - interval '${RELEASE_SECONDS} seconds')))`;

/** Over a row `p` of `pool`: the options of each of its workers. */
export const PLACE_CONFIG = `(p.config->'worker') - 'type' || case when p.config ? 'idleTimeout'
  then jsonb_build_object('build_wait_timeout', p.config->'idleTimeout') else '{}'::jsonb end`;

/** Over the same: `max_builds` of each of its workers. */
export const PLACE_BUILDS = `coalesce((p.config->>'maxBuildsPerWorker')::int, 1)`;

/** Of the pools in `$1` (their ids), each worker as `PoolRow` of the domain, with its pool's id. */
export const POOL_ROWS = `select w.pool_id as "poolId", w.id as "workerId", w.name, w.pool_number as number, l.state,
    ${IS_CONNECTED} as "isConnected", ${IS_JOINED} as "isJoined", coalesce(b.builds, 0) as builds,
    ${IS_WORN} or coalesce(coalesce((w.config->>'build_wait_timeout')::float8, l.build_wait_seconds) = 0 and l.state = 'substantiated' and exists (
      select from build x where x.worker_id = w.id and x.complete_at >= l.state_since), false) as "isWorn",
    w.paused_at is not null as "isPaused", w.is_draining and (w.session_id is not null or l.id is not null) as "isGoing", ${ms("w.quarantined_until")} as "quarantinedUntil",
    w.quarantine_reason as "quarantineReason", coalesce(l.is_wished, false) as "isWished"
  from worker w join pool p on p.id = w.pool_id left join latent_worker l on l.worker_id = w.id
  left join lateral (
    select count(*)::int as builds from build x where x.worker_id = w.id and x.state <> 'finished') b on true
  where w.pool_id = any($1) and w.removed_at is null order by w.pool_id, w.pool_number`;
