/** Days and months of accounts: UTC, whatever clock people look at. */
const DAY_MS = 86_400_000;

/** `2026-11-28` */
export type Day = string;

export const dayOf = (at: number): Day => new Date(at).toISOString().slice(0, 10);
export const startOfDay = (day: Day): number => Date.parse(`${day}T00:00:00Z`);
export const startOfMonth = (at: number): number =>
  Date.parse(`${dayOf(at).slice(0, 7)}-01T00:00:00Z`);

/** All days from the one to the other, both included. */
export function daysBetween(from: Day, to: Day): Day[] {
  const days: Day[] = [];
  for (let at = startOfDay(from); at <= startOfDay(to); at += DAY_MS) days.push(dayOf(at));
  return days;
}

export const nextDay = (day: Day): Day => dayOf(startOfDay(day) + DAY_MS);
