/** A child that lived this long was not at fault for being started. */
export const SETTLED_MS = 10_000;

const LONGEST_MS = 10_000;
/** For one that had got ready: it can be started, and somebody waits for it. */
const LONGEST_AFTER_READY_MS = 2_000;

/**
 * Milliseconds to wait before a child is started again: none after a life that was long enough, then
 * half a second, doubling up to ten seconds, or two when it had got ready in that life.
 *
 * @param quickDeaths how many times in a row it died before `SETTLED_MS`, this time included
 */
export function restartDelayMs(quickDeaths: number, wasReady: boolean): number {
  const longest = wasReady ? LONGEST_AFTER_READY_MS : LONGEST_MS;
  return quickDeaths <= 1 ? 0 : Math.min(longest, 500 * 2 ** (quickDeaths - 2));
}
