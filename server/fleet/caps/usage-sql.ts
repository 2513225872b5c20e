/**
 * What machines used, by day and by what they are counted under: of all, of each worker, of each pool,
 * of each builder. The accounts of machines that are gone and the pages about those that live are the
 * same statement, so that nothing jumps when one goes.
 *
 * Days are those of UTC and are counted as dates, never as local times: in zones where clocks change at
 * midnight some days do not begin at midnight.
 */
import { costWithin, secondsWithin } from "./meter-sql";

/**
 * `all`: the whole, subject 0. `unpriced`: those of them whose price is not known, subject 0. `builder`:
 * each machine among the builders whose builds had it, by time, its idle time included; those that had
 * none under 0. `worker`: tests of settings under 0. Machines of pools stand under `pool`, too.
 */
export type UsageKind = "all" | "unpriced" | "builder" | "worker" | "pool";

const START = "(d.day::timestamp at time zone 'UTC')";
const END = "least((d.day + 1)::timestamp at time zone 'UTC', coalesce(m.gone_at, now()))";

/**
 * As long as each builder's builds had the machine `m`: from when they had it to when they ended, or it
 * was let go. `server/api/instances/one.ts` says the same of single builds.
 */
const BUILDERS = `
  select x.builder_id, sum(greatest(0.001, extract(epoch from
      least(coalesce(x.complete_at, e.at), e.at) - greatest(coalesce(x.started_at, x.created_at), m.connected_at)))) as seconds
  from build x cross join (select coalesce(m.stopping_at, m.gone_at, now()) as at) e
  where x.instance_id = m.id and m.connected_at is not null and (x.session_id is not null or x.started_at is not null)
  group by x.builder_id`;

/**
 * Rows of org_id, kind, day, subject_id, machines, began, seconds, cost: `began` counts those of
 * `machines` whose first day it is, so that those of any period are the machines of its first day and
 * what began on the others.
 * @param machines a relation with the columns of `instance`; those that live are read until now()
 */
export function usageSql(machines: string): string {
  return `
    select m.org_id, s.kind, d.day, s.subject_id, count(*)::int as machines, (count(*) filter (where d.is_first))::int as began,
      sum(u.seconds * s.part)::float8 as seconds, sum(u.cost * s.part)::float8 as cost
    from ${machines} m
    cross join lateral (
      select (m.created_at at time zone 'UTC')::date + n as day, n = 0 as is_first
      from generate_series(0, (coalesce(m.gone_at, now()) at time zone 'UTC')::date - (m.created_at at time zone 'UTC')::date) n) d
    cross join lateral (
      select ${secondsWithin("m", START, END)} as seconds, ${costWithin("m", START, END)} as cost) u
    cross join lateral (
      select 'all' as kind, 0::bigint as subject_id, 1::float8 as part
      union all select 'unpriced', 0, 1 where m.price_per_hour is null and m.billing <> 'free'
      union all select 'worker', m.worker_id, 1
      union all select 'pool', m.pool_id, 1 where m.pool_id is not null
      union all
      select 'builder', coalesce(b.builder_id, 0), coalesce(b.seconds / sum(b.seconds) over (), 1)
      from (values (0)) any_or_none left join (${BUILDERS}) b on true) s
    where u.seconds > 0
    group by m.org_id, s.kind, d.day, s.subject_id`;
}
