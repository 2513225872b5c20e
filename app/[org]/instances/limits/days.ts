const DAY_MS = 86_400_000;

/** Days of UTC, both included, as the costs are asked for. */
export interface Period {
  readonly from: string;
  readonly to: string;
}

export function lastDays(now: number, days = 30): Period {
  const day = (at: number) => new Date(at).toISOString().slice(0, 10);
  return { from: day(now - (days - 1) * DAY_MS), to: day(now) };
}
