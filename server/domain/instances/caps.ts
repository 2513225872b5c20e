/** What an organisation may use of machines, and whether it may have one more (W-144). */

export interface InstancePolicy {
  /** Machines at a time; null: no limit, here and below. */
  readonly maxInstances: number | null;
  readonly maxHoursPerDay: number | null;
  readonly maxHoursPerMonth: number | null;
  readonly maxCostPerDay: number | null;
  readonly maxCostPerMonth: number | null;
  readonly currency: string | null;
  /** Who is told; nobody: the owners. */
  readonly notify: readonly string[];
  /** Sweeps stop nothing. */
  readonly isDryRun: boolean;
}

export interface Used {
  /** Machines that are not gone, whatever they are at. */
  readonly machines: number;
  readonly hoursToday: number;
  readonly hoursThisMonth: number;
  readonly costToday: number;
  readonly costThisMonth: number;
}

export type CapName =
  | "max_instances"
  | "max_hours_per_day"
  | "max_hours_per_month"
  | "max_cost_per_day"
  | "max_cost_per_month";

export interface CapState {
  readonly cap: CapName;
  readonly limit: number | null;
  readonly used: number;
  readonly isReached: boolean;
  /** Four fifths of it are used. */
  readonly isNear: boolean;
  /** When it is reached: why there are no more machines, for a person. */
  readonly sentence: string;
}

export interface Room {
  readonly states: readonly CapState[];
  /** How many more machines there may be now; null: as many as are wanted. */
  readonly left: number | null;
  /** Why there may be none; null: there may. */
  readonly reached: CapState | null;
}

const NEAR = 0.8;

/**
 * @param wanted machines that will be asked for in a moment: they have their places
 *
 * The limits hold when they are reached, not when they are passed: at 8 of 8 hours no machine is made.
 */
export function roomWithin(policy: InstancePolicy | null, used: Used, wanted = 0): Room {
  const unit = policy?.currency ? ` ${policy.currency}` : "";
  const hours = (limit: number, value: number, when: string) =>
    `${round(value)} of ${round(limit)} machine hours ${when} are used`;
  const money = (limit: number, value: number, when: string) =>
    `${round(value)} of ${round(limit)}${unit} ${when} are spent on machines`;
  const states = [
    state("max_instances", policy?.maxInstances, used.machines + wanted, (limit, value) =>
      limit === 0
        ? "the organisation may have no machines"
        : `${value} of ${limit} machines of the organisation are there`,
    ),
    state("max_hours_per_day", policy?.maxHoursPerDay, used.hoursToday, (limit, value) =>
      hours(limit, value, "of today (UTC)"),
    ),
    state("max_hours_per_month", policy?.maxHoursPerMonth, used.hoursThisMonth, (limit, value) =>
      hours(limit, value, "of this month (UTC)"),
    ),
    state("max_cost_per_day", policy?.maxCostPerDay, used.costToday, (limit, value) =>
      money(limit, value, "for today (UTC)"),
    ),
    state("max_cost_per_month", policy?.maxCostPerMonth, used.costThisMonth, (limit, value) =>
      money(limit, value, "for this month (UTC)"),
    ),
  ];
  const reached = [...states].reverse().find(({ isReached }) => isReached) ?? null;
  const most = policy?.maxInstances ?? null;
  const left = most === null ? null : Math.max(0, most - used.machines - wanted);
  return { states, reached, left: reached ? 0 : left };
}

function state(
  cap: CapName,
  limit: number | null | undefined,
  used: number,
  words: (limit: number, used: number) => string,
): CapState {
  if (limit === null || limit === undefined) {
    return { cap, limit: null, used, isReached: false, isNear: false, sentence: "" };
  }
  const isReached = used >= limit;
  const sentence = isReached ? `${words(limit, used)} (limit ${cap})` : "";
  return { cap, limit, used, isReached, isNear: used >= limit * NEAR, sentence };
}

const round = (value: number) => Number(value.toFixed(2));
