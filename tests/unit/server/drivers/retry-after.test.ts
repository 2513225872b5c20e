// Guarantee: how long a provider wants to be left alone is read as it says it, and nothing else is.
import { expect, test } from "vitest";
import { retryAfterSeconds } from "../../../../server/drivers/retry-after";

const NOW = Date.parse("2026-11-28T12:00:00Z");

test.each([
  [429, "120", 120],
  [503, " 0 ", 0],
  [503, "Sat, 28 Nov 2026 12:01:30 GMT", 90],
  [429, "Sat, 28 Nov 2026 11:00:00 GMT", 0],
  [429, "soon", null],
  [429, "-5", null],
  [429, null, null],
  [500, "120", null],
])("%s with %s", (status, header, seconds) => {
  expect(retryAfterSeconds(status, header, NOW)).toBe(seconds);
});
