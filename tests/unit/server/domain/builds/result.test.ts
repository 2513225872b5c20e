/** Results weigh as Buildbot's do, and every contribution of a step is the table's (CORE §6, C-060, C-062). */
import { expect, test } from "vitest";
import {
  buildsetResult,
  CANCELLED,
  contribution,
  EXCEPTION,
  FAILURE,
  isResult,
  mayGo,
  RETRY,
  type Result,
  type ResultFlags,
  resultName,
  SKIPPED,
  SUCCESS,
  WARNINGS,
  worst,
} from "../../../../../server/domain/builds";

const WORST_FIRST: Result[] = [CANCELLED, RETRY, EXCEPTION, FAILURE, WARNINGS, SUCCESS, SKIPPED];

test("the numbers are fixed", () => {
  expect([SUCCESS, WARNINGS, FAILURE, SKIPPED, EXCEPTION, RETRY, CANCELLED]).toEqual([
    0, 1, 2, 3, 4, 5, 6,
  ]);
  expect(resultName(RETRY)).toBe("RETRY");
  expect([-1, 7, 1.5, "0", null].some(isResult)).toBe(false);
});

test("of any two results the worse wins, in either order", () => {
  for (const [i, a] of WORST_FIRST.entries()) {
    for (const [j, b] of WORST_FIRST.entries()) {
      expect(worst(a, b)).toBe(WORST_FIRST[Math.min(i, j)]);
    }
  }
});

const flags = (given: Partial<ResultFlags> = {}): ResultFlags => ({
  haltOnFailure: false,
  flunkOnFailure: false,
  flunkOnWarnings: false,
  warnOnFailure: false,
  warnOnWarnings: false,
  ...given,
});

test.each<[Result, Partial<ResultFlags>, Result, boolean]>([
  [SUCCESS, { haltOnFailure: true, flunkOnWarnings: true }, SUCCESS, false],
  [SKIPPED, { haltOnFailure: true }, SKIPPED, false],
  [FAILURE, {}, SUCCESS, false],
  [FAILURE, { haltOnFailure: true }, SUCCESS, true],
  [FAILURE, { warnOnFailure: true }, WARNINGS, false],
  [FAILURE, { flunkOnFailure: true, warnOnFailure: true }, FAILURE, false],
  [FAILURE, { flunkOnFailure: true, haltOnFailure: true }, FAILURE, true],
  [FAILURE, { flunkOnWarnings: true, warnOnWarnings: true }, SUCCESS, false],
  [WARNINGS, {}, SUCCESS, false],
  [WARNINGS, { warnOnWarnings: true, haltOnFailure: true }, WARNINGS, false],
  [WARNINGS, { flunkOnWarnings: true, warnOnWarnings: true }, FAILURE, false],
  [EXCEPTION, {}, EXCEPTION, true],
  [RETRY, {}, RETRY, true],
  [CANCELLED, {}, CANCELLED, true],
])("a step that ends in %i with %j makes %i", (step, given, result, halts) => {
  expect(contribution(step, flags(given))).toEqual({ result, halts });
});

test("a buildset whose requests were all collapsed is a success", () => {
  expect(buildsetResult([SKIPPED, SKIPPED])).toBe(SUCCESS);
  expect(buildsetResult([])).toBe(SUCCESS);
  expect(buildsetResult([SUCCESS, FAILURE, WARNINGS])).toBe(FAILURE);
});

test("what is over stays over", () => {
  for (const to of ["preparing", "running", "finishing", "finished"] as const) {
    expect(mayGo("build", "finished", to)).toBe(false);
  }
  for (const to of ["pending", "claimed", "done", "cancelled"] as const) {
    expect(mayGo("build_request", "done", to)).toBe(false);
    expect(mayGo("build_request", "cancelled", to)).toBe(false);
  }
  expect(mayGo("build_request", "claimed", "pending")).toBe(true);
  expect(mayGo("step", "skipped", "running")).toBe(false);
});
