// Guarantees that one death costs no waiting, and that a program which keeps dying is tried ever more
// rarely but never given up.
import { expect, test } from "vitest";
import { restartDelayMs } from "../../../../../server/processes/supervisor/restart-delay";

test("at once, then half a second, doubling up to ten seconds", () => {
  const delays = [1, 2, 3, 4, 5, 6, 7, 100].map(restartDelayMs);
  expect(delays).toEqual([0, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
});
