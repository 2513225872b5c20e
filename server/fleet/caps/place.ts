/**
 * A place for one more machine, in the statement that orders it. The number of machines is places with
 * a unique index, as `max_builds` is (docs/decisions/0003), so that of two orders that both saw the last
 * one free one is stale, looks again, and finds the limit reached. Hours and money grow by time alone,
 * so there what the statement sees is enough.
 */
import type { Batch } from "../../db/transition";
import { usedSql } from "./meter-sql";

/** What nobody limits is not added up, which would read every machine that lives for each that is ordered. */
const below = (used: string, limit: string) =>
  `case when p.${limit} is null then true else used."${used}" < p.${limit} end`;

/** As the named statement `room`: one row with its `place`, or the batch is stale. @param org SQL */
export function takePlace(batch: Batch, org: string): void {
  batch.with(
    "room",
    `select case when p.max_instances is not null then (
         select min(n) from generate_series(1, p.max_instances) n where not exists (
           select from instance x where x.org_id = ${org} and x.state <> 'gone' and x.place = n)) end as place
     from (select ${usedSql(org)}) used
     left join instance_policy p on p.org_id = ${org}
     where ${below("machines", "max_instances")}
       and ${below("hoursToday", "max_hours_per_day")} and ${below("hoursThisMonth", "max_hours_per_month")}
       and ${below("costToday", "max_cost_per_day")} and ${below("costThisMonth", "max_cost_per_month")}`,
    1,
  );
}
