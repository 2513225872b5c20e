/**
 * What a machine costs, as far as we can know: from the moment it was asked for, if the provider made
 * it at all, to the moment it was gone. Everything is the difference of two readings of one meter, so
 * that days, months and lives add up.
 *
 * `server/fleet/caps/meter-sql.ts` and `usage-sql.ts` say the same in SQL; tests hold them together.
 */

/**
 * `second`: what it runs. `started-hour`: each hour that it begins is paid at once. `free`: our own
 * hosts; its hours count, and cost nothing.
 */
export type Billing = "second" | "started-hour" | "free";

/** What a worker's options say an hour costs; the machine keeps it, whatever they say later. */
export function priceOf(config: unknown): number | null {
  const price = (config as { price_per_hour?: unknown } | null)?.price_per_hour;
  return typeof price === "number" && Number.isFinite(price) && price >= 0 ? price : null;
}

/** Whoever gives a price to a machine of our own hosts wants its seconds paid. */
export const billedAs = (billing: Billing, pricePerHour: number | null): Billing =>
  billing === "free" && pricePerHour !== null && pricePerHour > 0 ? "second" : billing;

const HOUR_SECONDS = 3_600;

/** Times are milliseconds since the epoch. */
export interface Metered {
  readonly billing: Billing;
  /** Null: nobody said. */
  readonly pricePerHour: number | null;
  /** When it was asked for. */
  readonly createdAt: number;
  /** The provider made it: it said so, or its worker logged in. */
  readonly isMade: boolean;
  /** Null while it lives. */
  readonly goneAt: number | null;
}

/** Seconds that it ran until then. */
export function ranSeconds({ createdAt, goneAt, isMade }: Metered, until: number): number {
  if (!isMade) return 0;
  return Math.max(0, Math.min(until, goneAt ?? until) - createdAt) / 1_000;
}

/** Seconds that are paid for until then. */
export function paidSeconds(machine: Metered, until: number): number {
  const seconds = ranSeconds(machine, until);
  switch (machine.billing) {
    case "second":
      return seconds;
    case "started-hour":
      return Math.ceil(seconds / HOUR_SECONDS) * HOUR_SECONDS;
    case "free":
      return 0;
  }
}

/** Null: its price is not known. */
export function costUntil(machine: Metered, until: number): number | null {
  if (machine.billing === "free") return 0;
  if (machine.pricePerHour === null) return null;
  return (paidSeconds(machine, until) * machine.pricePerHour) / HOUR_SECONDS;
}

export interface BuildTime {
  readonly id: number;
  /** When it had the machine; null: it never had. */
  readonly from: number | null;
  /** Null: it has it still. */
  readonly to: number | null;
}

/**
 * A machine's cost among the builds that it ran, by the time each had it until `end`, when it was let
 * go, so that they add up to the machine: those that made it wait or idle pay for that too. A machine
 * that ran none is nobody's.
 */
export function shareAmong(
  builds: readonly BuildTime[],
  cost: number,
  end: number,
): Map<number, number> {
  const times = builds.flatMap(({ id, from, to }) =>
    from === null ? [] : [{ id, ms: Math.max(1, Math.min(to ?? end, end) - from) }],
  );
  const all = times.reduce((sum, { ms }) => sum + ms, 0);
  return new Map(times.map(({ id, ms }) => [id, (cost * ms) / all]));
}
