/**
 * The meter of server/domain/instances/cost.ts in SQL, over a row of `instance`: for limits that must
 * hold in the statement that orders a machine, and for the accounts of days that are over. All that is
 * given here is SQL of ours.
 */

const SECONDS_PER_HOUR = 3_600;

/** Seconds that it ran until then. */
export function secondsUntil(row: string, until: string): string {
  return `case when ${row}.answered_at is null and ${row}.connected_at is null then 0
    else greatest(0, extract(epoch from least(${until}, coalesce(${row}.gone_at, ${until})) - ${row}.created_at))::float8 end`;
}

/** What it cost until then; 0 where its price is not known. */
export function costUntil(row: string, until: string): string {
  const seconds = secondsUntil(row, until);
  return `coalesce(${row}.price_per_hour, 0) * case ${row}.billing when 'second' then (${seconds}) / ${SECONDS_PER_HOUR}
    when 'started-hour' then ceil((${seconds}) / ${SECONDS_PER_HOUR}) else 0 end`;
}

export const secondsWithin = (row: string, from: string, to: string) =>
  `((${secondsUntil(row, to)}) - (${secondsUntil(row, from)}))`;
export const costWithin = (row: string, from: string, to: string) =>
  `((${costUntil(row, to)}) - (${costUntil(row, from)}))`;

const TODAY = "(date_trunc('day', now() at time zone 'UTC') at time zone 'UTC')";
const THIS_MONTH = "(date_trunc('month', now() at time zone 'UTC') at time zone 'UTC')";

/**
 * Used since then: machines that are gone stand in the accounts by day, those that live are read from
 * their meters. All is SQL.
 * @param live which machines that live, as `m`
 * @param gone which accounts, as `u`
 */
const sinceSql = (what: "seconds" | "cost", from: string, live: string, gone: string) => {
  const within = what === "seconds" ? secondsWithin : costWithin;
  return `(coalesce((select sum(${within("m", from, "now()")}) from instance m where ${live} and m.state <> 'gone'), 0)
    + coalesce((select sum(u.${what}) from instance_usage u where ${gone} and u.day >= (${from} at time zone 'UTC')::date), 0))`;
};

/** What an organisation has used, as columns. @param org SQL */
export function usedSql(org: string): string {
  const since = (what: "seconds" | "cost", from: string) =>
    sinceSql(what, from, `m.org_id = ${org}`, `u.org_id = ${org} and u.kind = 'all'`);
  const hours = (from: string) => `(${since("seconds", from)} / ${SECONDS_PER_HOUR})::float8`;
  const cost = (from: string) => `${since("cost", from)}::float8`;
  return `(select count(*) from instance m where m.org_id = ${org} and m.state <> 'gone')::int as machines,
    ${hours(TODAY)} as "hoursToday", ${hours(THIS_MONTH)} as "hoursThisMonth",
    ${cost(TODAY)} as "costToday", ${cost(THIS_MONTH)} as "costThisMonth"`;
}

/** Hours of a pool's machines. @param org SQL, as `pool` */
export function poolHoursSql(org: string, pool: string, per: "day" | "month"): string {
  const gone = `u.org_id = ${org} and u.kind = 'pool' and u.subject_id = ${pool}`;
  const live = `m.org_id = ${org} and m.pool_id = ${pool}`;
  return `(${sinceSql("seconds", per === "month" ? THIS_MONTH : TODAY, live, gone)} / ${SECONDS_PER_HOUR})::float8`;
}
