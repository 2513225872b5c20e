import { z } from "zod";
import { AppError } from "../../domain/errors";
import { daysBetween } from "../../domain/instances";
import { type Usage, usageWithin } from "../../fleet";
import type { OrgScope } from "../trpc";
import { currencyOf } from "./one";
import { TEST_WORKER } from "./row";

const MOST_DAYS = 92;
const day = z.iso.date();

/** Days of UTC, both included. */
export const costsInput = z.object({ from: day, to: day });

interface Sum {
  machines: number;
  seconds: number;
  /** Of those whose price is known. */
  cost: number;
}

export interface CostOfDay extends Sum {
  day: string;
}

export interface CostOf extends Sum {
  id: number;
  name: string;
}

/**
 * What machines used and cost: by day, by worker and by builder. A machine is shared among the builders
 * whose builds it ran in its life, by time, idle time included; `unused` are those that ran none, so that
 * builders and `unused` add up to the whole, as days and as workers do. `unpriced` machines ran, and
 * their price is not known: they are in the seconds and not in the cost.
 */
export async function costs(org: OrgScope, { from, to }: z.output<typeof costsInput>) {
  const days = from <= to ? daysBetween(from, to) : [];
  if (days.length === 0 || days.length > MOST_DAYS) {
    throw new AppError("request.malformed", { problem: `from and to are 1 to ${MOST_DAYS} days` });
  }
  return org.within(async (tx) => {
    const usage = await usageWithin(tx, org.orgId, from, to);
    const ids = (kind: Usage["kind"]) =>
      usage.filter((row) => row.kind === kind).map(({ subjectId }) => subjectId);
    const names = await tx.rows<{ kind: string; id: number; name: string }>(NAMES, [
      org.orgId,
      ids("worker"),
      ids("builder"),
    ]);
    const sum = (kind: Usage["kind"], subject = 0, on: string | null = null): Sum => {
      const isIt = (row: Usage) => row.kind === kind && row.subjectId === subject && row.day === on;
      const { machines, seconds, cost } = usage.find(isIt) ?? NOTHING;
      return { machines, seconds, cost };
    };
    const named = (kind: "worker" | "builder") =>
      names
        .filter((each) => each.kind === kind)
        .map(({ id, name }): CostOf => ({ id, name, ...sum(kind, id) }))
        .sort((a, b) => b.cost - a.cost || b.seconds - a.seconds || a.id - b.id);
    return {
      ...sum("all"),
      unused: sum("builder"),
      unpriced: sum("unpriced").machines,
      days: days.map((each): CostOfDay => ({ day: each, ...sum("all", 0, each) })),
      workers: named("worker"),
      builders: named("builder"),
      currency: await currencyOf(tx, org.orgId),
    };
  });
}

export type Costs = Awaited<ReturnType<typeof costs>>;

const NOTHING: Sum = { machines: 0, seconds: 0, cost: 0 };

const NAMES = {
  name: "names-of-usage",
  text: `select 'worker' as kind, id, name from worker where org_id = $1 and id = any($2::bigint[])
    union all select 'worker', 0, ${TEST_WORKER} where 0 = any($2::bigint[])
    union all select 'builder', id, name from builder where org_id = $1 and id = any($3::bigint[])`,
};
