import { z } from "zod";
import type { CapState, InstancePolicy } from "../../domain/instances";
import { loadRoom } from "../../fleet";
import type { ApiContext } from "../context";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";

const DAY_MS = 86_400_000;
const amount = z.number().min(0).max(1e9).nullable();

export const limitsInput = z.object({
  /** Machines at a time; null: no limit. */
  maxInstances: z.number().int().min(0).max(100_000).nullable(),
  maxHoursPerDay: amount,
  maxHoursPerMonth: amount,
  /** In the unit of `price_per_hour`. */
  maxCostPerDay: amount,
  maxCostPerMonth: amount,
  /** Beside amounts of money: `EUR`. */
  currency: z.string().trim().max(10).nullable(),
  /** Who gets the mail when a limit is reached; nobody: the owners. */
  notify: z.array(z.email().max(254)).max(20),
  /** Sweeps say what they would stop, and stop nothing. */
  isDryRun: z.boolean(),
});

export type Limits = z.output<typeof limitsInput>;

/**
 * What the organisation may use of machines, and how far it is: `used` beside each limit, `reached`
 * when no more machines are asked for, in words. `changedAt` null: nobody has set a limit yet. Days and
 * months are those of UTC; the present one ends at `dayEndsAt`.
 */
export async function limitsOf(org: OrgScope): Promise<{
  limits: Limits;
  changedAt: number | null;
  changedBy: string | null;
  states: readonly CapState[];
  reached: string | null;
  dayEndsAt: number;
}> {
  return org.within(async (tx) => {
    const [row] = await tx.rows<InstancePolicy & { changedAt: number; changedBy: string }>(
      `select max_instances as "maxInstances", max_hours_per_day as "maxHoursPerDay", max_hours_per_month as "maxHoursPerMonth",
         max_cost_per_day as "maxCostPerDay", max_cost_per_month as "maxCostPerMonth", currency, notify,
         is_dry_run as "isDryRun", ${ms("changed_at")} as "changedAt", changed_by as "changedBy"
       from instance_policy where org_id = $1`,
      [org.orgId],
    );
    const { states, reached } = await loadRoom(tx, org.orgId);
    const now = {
      ...{ states, reached: reached?.sentence ?? null },
      dayEndsAt: (Math.floor(Date.now() / DAY_MS) + 1) * DAY_MS,
    };
    if (!row) return { limits: NONE, changedAt: null, changedBy: null, ...now };
    const { changedAt, changedBy, ...limits } = row;
    return { limits: { ...limits, notify: [...limits.notify] }, changedAt, changedBy, ...now };
  });
}

const NONE: Limits = {
  ...{ maxInstances: null, maxHoursPerDay: null, maxHoursPerMonth: null },
  ...{ maxCostPerDay: null, maxCostPerMonth: null, currency: null, notify: [], isDryRun: false },
};

export async function setLimits(ctx: ApiContext, org: OrgScope, input: Limits): Promise<void> {
  await ctx.runtime.fleet.setInstancePolicy(org.caller, input);
}
