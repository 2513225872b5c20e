/** Days of accounts: UTC, whatever clock people look at. */
const DAY_MS = 86_400_000;

/** `2026-11-28` */
export type Day = string;

export const dayOf = (at: number): Day => new Date(at).toISOString().slice(0, 10);

/** All days from the one to the other, both included. */
export function daysBetween(from: Day, to: Day): Day[] {
  const days: Day[] = [];
  for (let at = Date.parse(from); at <= Date.parse(to); at += DAY_MS) days.push(dayOf(at));
  return days;
}
