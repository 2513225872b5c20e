// Guarantee: the page says what becomes of a latent worker's machine as the life cycle does it.
import { expect, test } from "vitest";
import { LOST_SECONDS } from "../../../../../server/domain/latent";
import { type OutlookFacts, outlookOf } from "../../../../../server/domain/workers/outlook";

const facts = (part: Partial<OutlookFacts>): OutlookFacts => ({
  state: "substantiated",
  isConnected: true,
  buildCount: 0,
  since: 1_000,
  missingAt: null,
  keptSeconds: 600,
  idleSince: null,
  lostAt: null,
  ...part,
});

test("nothing happens by itself to one at rest, or one that is kept for ever", () => {
  expect(outlookOf(facts({ state: "insubstantiated" }))).toBeNull();
  expect(outlookOf(facts({ state: "shut-down" }))).toBeNull();
  expect(outlookOf(facts({ keptSeconds: -1 }))).toBeNull();
});

test("one that starts is given up at its deadline", () => {
  expect(outlookOf(facts({ state: "starting", missingAt: 5_000 }))?.at).toBe(5_000);
  expect(outlookOf(facts({ state: "starting" }))).toBeNull();
});

test("an idle one goes a while after its last build, or after it came", () => {
  expect(outlookOf(facts({}))?.at).toBe(601_000);
  expect(outlookOf(facts({ idleSince: 11_000 }))?.at).toBe(611_000);
});

test("one that builds goes with its build, or after a while", () => {
  expect(outlookOf(facts({ buildCount: 1, keptSeconds: 0 }))?.what).toBe(
    "its machine goes with this build",
  );
  expect(outlookOf(facts({ buildCount: 1 }))?.what).toBe(
    "its machine goes 10 min after its last build",
  );
});

test("one that lost its connection has a while to come back", () => {
  const lost = facts({ isConnected: false, lostAt: 2_000 });
  expect(outlookOf(lost)?.at).toBe(2_000 + LOST_SECONDS * 1_000);
});
