/** A child that lived this long was not at fault for being started. */
export const SETTLED_MS = 10_000;

const LONGEST_MS = 10_000;

/**
 * Milliseconds to wait before a child is started again: none after a life that was long enough, then
 * half a second, doubling up to ten seconds.
 *
 * @param quickDeaths how many times in a row it died before `SETTLED_MS`, this time included
 */
export function restartDelayMs(quickDeaths: number): number {
  return quickDeaths <= 1 ? 0 : Math.min(LONGEST_MS, 500 * 2 ** (quickDeaths - 2));
}
