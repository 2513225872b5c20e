// Guarantee: a command that a signal ended is no result when its worker goes with it, and is one when the
// worker stays (K-034); nothing else is waited for.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { CommandEnd } from "../../../../../server/domain/wire";
import { isTakenAway } from "../../../../../server/engine/execute/taken-away";
import type { CloseReason } from "../../../../../server/protocols/contract";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const CLOSED: CloseReason = { code: "peer-closed", message: "gone" };
const ended = (rc: number | null, failureReason: "timeout" | null = null) =>
  ({ kind: "completed", rc, elapsedSeconds: 1, failureReason }) as CommandEnd;
/** A connection that ends after so long; null: never. */
const session = (ms: number | null) => ({
  closed: new Promise<CloseReason>((resolve) => {
    if (ms !== null) setTimeout(resolve, ms, CLOSED);
  }),
});
async function judged(ms: number | null, ends: readonly CommandEnd[]): Promise<boolean> {
  const answer = isTakenAway(session(ms), ends);
  await vi.advanceTimersByTimeAsync(3_000);
  return answer;
}

test.each([-1, 129, 130, 137, 143])("exit code %i and the worker goes, or stays", async (rc) => {
  expect(await judged(2_000, [ended(0), ended(rc)])).toBe(true);
  expect(await judged(null, [ended(rc)])).toBe(false);
});

test("what was no signal, or one of the worker's own, counts at once", async () => {
  for (const end of [ended(1), ended(0), ended(null), ended(-1, "timeout")]) {
    expect(await isTakenAway(session(0), [end])).toBe(false);
  }
  expect(await isTakenAway(session(0), [])).toBe(false);
  expect(await isTakenAway(session(0), [{ kind: "lost", message: "x" }])).toBe(false);
});
