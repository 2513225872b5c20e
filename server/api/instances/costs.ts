import { z } from "zod";
import { AppError } from "../../domain/errors";
import {
  dayOf,
  daysBetween,
  nextDay,
  spentWithin,
  startOfDay,
  type Use,
} from "../../domain/instances";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";
import { currencyOf } from "./one";
import { type InstanceFacts, metered, TEST_WORKER } from "./row";

const MOST_DAYS = 92;
const day = z.iso.date();

/** Days of UTC, both included. */
export const costsInput = z.object({ from: day, to: day });

interface Machine
  extends Pick<
    InstanceFacts,
    | "id"
    | "workerId"
    | "billing"
    | "pricePerHour"
    | "createdAt"
    | "answeredAt"
    | "connectedAt"
    | "goneAt"
  > {
  worker: string;
  /** Time that builds had it, by builder. */
  builders: { builderId: number; builder: string; builds: number; ms: number }[];
}

export interface CostOfDay {
  day: string;
  machines: number;
  seconds: number;
  /** Of those whose price is known. */
  cost: number;
}

export interface CostOf {
  id: number;
  name: string;
  machines: number;
  seconds: number;
  cost: number;
}

export interface CostOfBuilder extends CostOf {
  builds: number;
}

/**
 * What machines used and cost: by day, by worker and by builder. A machine's cost in the period is
 * shared among the builders whose builds it ran, by time; `unused` is that of machines that ran none.
 * `unpriced` machines ran, and their price is not known: they are in the seconds and not in the cost.
 */
export async function costs(org: OrgScope, input: z.output<typeof costsInput>) {
  const days = input.from <= input.to ? daysBetween(input.from, input.to) : [];
  if (days.length === 0 || days.length > MOST_DAYS) {
    throw new AppError("request.malformed", { problem: `from and to are 1 to ${MOST_DAYS} days` });
  }
  const [from, to] = [startOfDay(input.from), startOfDay(nextDay(input.to))];
  return org.within(async (tx) => {
    const now = Date.now();
    const machines = await tx.rows<Machine>(MACHINES, [org.orgId, from / 1_000, to / 1_000]);
    const currency = await currencyOf(tx, org.orgId);
    return { ...summary(machines, days, Math.min(to, now), from), currency };
  });
}

export type Costs = Awaited<ReturnType<typeof costs>>;

function summary(machines: readonly Machine[], days: readonly string[], to: number, from: number) {
  const byDay = new Map(days.map((each) => [each, { ...NOTHING, day: each } as CostOfDay]));
  const workers = new Map<number, CostOf>();
  const builders = new Map<number, CostOfBuilder>();
  const all = { machines: 0, seconds: 0, cost: 0 };
  const unused = { machines: 0, seconds: 0, cost: 0 };
  let unpriced = 0;
  for (const machine of machines) {
    const meter = metered(machine);
    const use = spentWithin(meter, from, to);
    if (use.seconds === 0) continue;
    if (use.cost === null) unpriced += 1;
    count(all, use);
    const known = workers.get(machine.workerId);
    const worker = known ?? { ...NOTHING, id: machine.workerId, name: machine.worker };
    workers.set(worker.id, count(worker, use));
    const end = Math.min(to, machine.goneAt ?? to);
    for (const each of daysBetween(dayOf(Math.max(from, machine.createdAt)), dayOf(end))) {
      const part = spentWithin(meter, startOfDay(each), Math.min(to, startOfDay(nextDay(each))));
      const row = byDay.get(each);
      if (row && part.seconds > 0) count(row, part);
    }
    if (machine.builders.length === 0) count(unused, use);
    const busy = machine.builders.reduce((sum, { ms }) => sum + Math.max(1, ms), 0);
    for (const { builderId, builder, builds, ms } of machine.builders) {
      const share = Math.max(1, ms) / busy;
      const row = builders.get(builderId) ?? {
        ...NOTHING,
        id: builderId,
        name: builder,
        builds: 0,
      };
      row.builds += builds;
      count(row, {
        seconds: use.seconds * share,
        cost: use.cost === null ? null : use.cost * share,
      });
      builders.set(builderId, row);
    }
  }
  const dearest = <T extends CostOf>(rows: Iterable<T>): T[] =>
    [...rows].sort((a, b) => b.cost - a.cost || b.seconds - a.seconds || a.id - b.id);
  return {
    ...all,
    unused,
    unpriced,
    days: [...byDay.values()],
    workers: dearest(workers.values()),
    builders: dearest(builders.values()),
  };
}

const NOTHING = { machines: 0, seconds: 0, cost: 0 };

function count<T extends { machines: number; seconds: number; cost: number }>(row: T, use: Use): T {
  row.machines += 1;
  row.seconds += use.seconds;
  row.cost += use.cost ?? 0;
  return row;
}

/** Those that lived in the period: gone in it or after it, or not gone. */
const MACHINES = {
  name: "machines-of-period",
  text: `
    with lived as (
      select * from instance where org_id = $1 and gone_at >= to_timestamp($2) and created_at < to_timestamp($3)
      union all
      select * from instance where org_id = $1 and state <> 'gone' and created_at < to_timestamp($3))
    select i.id, i.worker_id as "workerId", coalesce(k.name, ${TEST_WORKER}) as worker, i.billing, i.price_per_hour as "pricePerHour",
      ${ms("i.created_at")} as "createdAt", ${ms("i.answered_at")} as "answeredAt",
      ${ms("i.connected_at")} as "connectedAt", ${ms("i.gone_at")} as "goneAt",
      (select coalesce(json_agg(json_build_object('builderId', u.builder_id, 'builder', b.name, 'builds', u.builds,
          'ms', u.ms) order by u.builder_id), '[]')
        from (select x.builder_id, count(*)::int as builds,
                (sum(extract(epoch from coalesce(x.complete_at, now())
                   - greatest(coalesce(x.started_at, x.created_at), i.connected_at))) * 1000)::bigint as ms
              from build x where x.instance_id = i.id and i.connected_at is not null
                and (x.session_id is not null or x.started_at is not null)
              group by x.builder_id) u join builder b on b.id = u.builder_id) as builders
    from lived i left join worker k on k.id = i.worker_id`,
};
