// Guarantees that one death costs no waiting, and that a program which keeps dying is tried ever more
// rarely but never given up.
import { expect, test } from "vitest";
import { restartDelayMs } from "../../../../../server/processes/supervisor/restart-delay";

const delays = (wasReady: boolean) =>
  [1, 2, 3, 4, 5, 6, 7, 100].map((deaths) => restartDelayMs(deaths, wasReady));

test("at once, then half a second, doubling up to ten seconds", () => {
  expect(delays(false)).toEqual([0, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
});

test("one that had got ready is not waited for longer than two", () => {
  expect(delays(true)).toEqual([0, 500, 1_000, 2_000, 2_000, 2_000, 2_000, 2_000]);
});
