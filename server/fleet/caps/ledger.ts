/**
 * A machine that is gone goes into the accounts of its organisation, by days, in the statement that
 * says so: once, and nothing has to be summed over old machines any more.
 */
import type { Batch } from "../../db/transition";
import { costWithin, secondsWithin } from "./meter-sql";

const START = "(d.day::date::timestamp at time zone 'UTC')";
const END = "((d.day::date + 1)::timestamp at time zone 'UTC')";

/** @param gone the named statement whose rows are the machines, `gone_at` set */
export function account(batch: Batch, gone: string): void {
  batch.with(
    "accounted",
    `insert into instance_usage (org_id, day, seconds, cost)
     select i.org_id, d.day::date, sum(${secondsWithin("i", START, END)}), sum(${costWithin("i", START, END)})
     from ${gone} i cross join lateral generate_series(
       (i.created_at at time zone 'UTC')::date, (i.gone_at at time zone 'UTC')::date, interval '1 day') as d (day)
     group by 1, 2
     on conflict (org_id, day) do update set seconds = instance_usage.seconds + excluded.seconds,
       cost = instance_usage.cost + excluded.cost`,
  );
}
