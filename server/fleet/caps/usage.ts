/** What machines used in a period: those that are gone from the accounts, those that live from their meters. */
import type { Queryable } from "../../db/pool";
import type { Day } from "../../domain/instances";
import { type UsageKind, usageSql } from "./usage-sql";

export interface Usage {
  readonly kind: UsageKind;
  readonly subjectId: number;
  /** Null: of the whole period; else of `all` on that day. */
  readonly day: Day | null;
  readonly machines: number;
  readonly seconds: number;
  /** Of those whose price is known. */
  readonly cost: number;
}

/** Those that live are found first: planned as one with the rest, all that ever lived would be read. */
const USAGE = {
  name: "usage-of-machines",
  text: `
    with live as materialized (select * from instance where org_id = $1 and state <> 'gone'),
    used as (
      select kind, day, subject_id, machines, began, seconds, cost from instance_usage
      where org_id = $1 and kind = any($4::text[]) and day between $2::date and $3::date
      union all
      select kind, day, subject_id, machines, began, seconds, cost from (${usageSql("live")}) l
      where kind = any($4::text[]) and day between $2::date and $3::date)
    select kind, subject_id as "subjectId", null as day,
      sum(case when day = $2::date then machines else began end)::int as machines, sum(seconds) as seconds, sum(cost) as cost
    from used group by kind, subject_id
    union all
    select kind, 0, day::text, sum(machines)::int, sum(seconds), sum(cost) from used where kind = 'all' group by kind, day`,
};

const KINDS: readonly UsageKind[] = ["all", "unpriced", "builder", "worker"];

/** @param from of UTC, as `to`; both included */
export function usageWithin(q: Queryable, orgId: number, from: Day, to: Day): Promise<Usage[]> {
  return q.rows<Usage>(USAGE, [orgId, from, to, KINDS]);
}
