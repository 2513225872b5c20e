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

export const TODAY = "(date_trunc('day', now() at time zone 'UTC') at time zone 'UTC')";
export const THIS_MONTH = "(date_trunc('month', now() at time zone 'UTC') at time zone 'UTC')";

/**
 * What an organisation has used, as columns: machines that are gone stand in the accounts by day, those
 * that live are read from their meters. `org` is SQL.
 */
export function usedSql(org: string): string {
  const live = (amount: string) =>
    `coalesce((select sum(${amount}) from instance m where m.org_id = ${org} and m.state <> 'gone'), 0)`;
  const gone = (column: string, from: string) =>
    `coalesce((select sum(u.${column}) from instance_usage u where u.org_id = ${org}
      and u.day >= (${from} at time zone 'UTC')::date), 0)`;
  const hours = (from: string) =>
    `((${live(secondsWithin("m", from, "now()"))} + ${gone("seconds", from)}) / ${SECONDS_PER_HOUR})::float8`;
  const cost = (from: string) =>
    `(${live(costWithin("m", from, "now()"))} + ${gone("cost", from)})::float8`;
  return `(select count(*) from instance m where m.org_id = ${org} and m.state <> 'gone')::int as machines,
    ${hours(TODAY)} as "hoursToday", ${hours(THIS_MONTH)} as "hoursThisMonth",
    ${cost(TODAY)} as "costToday", ${cost(THIS_MONTH)} as "costThisMonth"`;
}
