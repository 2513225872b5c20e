/** Guarantee: a filter shows exactly the workers it says, and each state's count is what its filter would show. */
import { expect, test } from "vitest";
import { type BriefWorker, filterFleet } from "../../../../../server/api/workers/fleet";

const NOW = 1_000;
const worker = (name: string, part: Partial<BriefWorker> = {}): BriefWorker => ({
  id: name.length,
  name,
  isConnected: true,
  isPaused: false,
  isDraining: false,
  quarantinedUntil: null,
  buildCount: 0,
  ...part,
});
const FLEET = [
  worker("arm-1", { isPaused: true }),
  worker("Linux-1"),
  worker("linux-12", { buildCount: 2 }),
  worker("windows-1", { isConnected: false }),
];
const names = (filter: Parameters<typeof filterFleet>[1]) =>
  filterFleet(FLEET, filter, NOW).matching.map(({ name }) => name);

test("text is looked for anywhere in the name, whatever the case", () => {
  expect(names({})).toHaveLength(4);
  expect(names({ text: "LINUX" })).toEqual(["Linux-1", "linux-12"]);
  expect(names({ text: "(" })).toEqual([]);
});

test("a pattern is searched for; what is none says why, and shows nobody", () => {
  expect(names({ text: "^[a-z]+-1$", isPattern: true })).toEqual(["arm-1", "windows-1"]);
  const wrong = filterFleet(FLEET, { text: "(", isPattern: true }, NOW);
  expect(wrong.problem).toMatch(/not a pattern/);
  expect(wrong.matching).toEqual([]);
  expect(wrong.total).toBe(4);
});

test("states add up; their counts heed the name, not the chosen states", () => {
  const fleet = filterFleet(FLEET, { text: "-1", words: ["paused", "idle"] }, NOW);
  expect(fleet.matching.map(({ name }) => name)).toEqual(["arm-1", "Linux-1"]);
  expect(fleet.counts).toEqual({
    ...{ paused: 1, quarantined: 0, draining: 0, offline: 1 },
    ...{ building: 1, idle: 1, starting: 0, stopping: 0, dormant: 0 },
  });
  expect(fleet.connected).toBe(3);
});
