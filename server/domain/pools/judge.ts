/**
 * Whether a pool's machines start: when more than half of the last ones did not, none is started for a
 * while, twice as long each time, and then one at a time until one has logged in (K-032). A slip in the
 * name of an image costs as many starts as were under way when the first failed, and one more after
 * each pause.
 */
export interface Starts {
  /** Of the last ones that ended within ten minutes. */
  readonly attached: number;
  readonly failed: number;
  /** The last that failed. */
  readonly code: string | null;
  readonly reason: string | null;
}

export interface BackOff {
  readonly seconds: number;
  readonly count: number;
  readonly code: string | null;
  readonly reason: string;
}

export const JUDGED_MINUTES = 10;
export const JUDGED_STARTS = 20;
const FIRST_SECONDS = 10;
const LONGEST_SECONDS = 3_600;

/**
 * @param count how often in a row it was so already
 * @returns what to do, `over` when its machines start again, or null: nothing changes
 */
export function judge(starts: Starts, count: number): BackOff | "over" | null {
  const { attached, failed, code, reason } = starts;
  if (failed > attached) {
    const seconds = Math.min(FIRST_SECONDS * 2 ** Math.min(count, 10), LONGEST_SECONDS);
    const of =
      attached === 0 && failed === 1
        ? "the last machine did not start"
        : `${failed} of the last ${failed + attached} machines did not start`;
    return { seconds, count: count + 1, code, reason: reason ? `${of}: ${reason}` : of };
  }
  return count > 0 && attached > 0 ? "over" : null;
}
