/**
 * Guarantee: a pool is as large as what waits needs, never larger than its limits allow, and says which of
 * them keeps it from more; what is decided twice is the same.
 */
import { expect, test } from "vitest";
import {
  type Demand,
  isPlaceOf,
  judge,
  limitsOf,
  POOL_DEFAULTS,
  type PoolFacts,
  type PoolOptions,
  type PoolRow,
  planPool,
  roomOf,
} from "../../../../../server/domain/pools";

const NOW = 1_000_000;

const row = (number: number, over: Partial<PoolRow> = {}): PoolRow => ({
  ...{ workerId: 100 + number, number, state: "insubstantiated", isConnected: false },
  ...{ isJoined: false, builds: 0, isWorn: false, isPaused: false, isGoing: false },
  ...{ quarantinedUntil: null, quarantineReason: null, isWished: false },
  ...over,
});
const up = (number: number, builds: number, over: Partial<PoolRow> = {}) =>
  row(number, { state: "substantiated", isConnected: true, builds, ...over });

const facts = (over: Partial<PoolFacts> = {}, options: Partial<PoolOptions> = {}): PoolFacts => ({
  ...{ now: NOW, isJoined: false, steering: null, backoff: null, starts: [], wanted: 0 },
  ...{ budget: null, organization: null, rows: [], options: { ...POOL_DEFAULTS, ...options } },
  ...over,
});
const demand = (queue: number, over: Partial<Demand> = {}): Demand => ({
  ...{ queue, fresh: queue, wanted: queue, taken: new Set<number>() },
  ...over,
});

test("five requests and no machine: five places, the lowest numbers", () => {
  const plan = planPool(facts(), demand(5));
  expect(plan.open).toEqual([1, 2, 3, 4, 5].map((number) => ({ number })));
  expect(plan.figures).toMatchObject({ queue: 5, desired: 5, starting: 0, limits: [] });
});

test("places that are there are used again before new ones are made", () => {
  const plan = planPool(facts({ rows: [up(1, 1), row(2), row(4)] }), demand(3));
  expect(plan.open).toEqual([{ workerId: 102 }, { workerId: 104 }, { number: 3 }]);
  expect(plan.figures.desired).toBe(4);
});

test("never more than maxWorkers, and it says so", () => {
  const plan = planPool(facts({ rows: [up(1, 1)] }, { maxWorkers: 2 }), demand(1, { wanted: 4 }));
  expect(plan.open).toHaveLength(1);
  expect(plan.figures.desired).toBe(2);
  expect(plan.figures.limits).toMatchObject([{ code: "max", room: 1 }]);
});

test("a machine that is being stopped makes place for the next on the same worker, after all others", () => {
  const rows = [row(1, { state: "insubstantiating" }), up(2, 1)];
  const plan = planPool(facts({ rows }, { maxWorkers: 3 }), demand(2));
  expect(plan.open).toEqual([{ number: 3 }, { workerId: 101 }]);
});

test("a place that was taken out of the configuration by a lower maxWorkers is not used again", () => {
  const plan = planPool(facts({ rows: [row(5)] }, { maxWorkers: 2 }), demand(2));
  expect(plan.open).toEqual([{ number: 1 }, { number: 2 }]);
});

test("minIdle: machines without a build, beside those that builds take", () => {
  const first = planPool(facts({}, { minIdle: 2 }), demand(1));
  expect(first.open).toEqual([{ number: 1 }]);
  expect(first.wish).toEqual([{ number: 2 }, { number: 3 }]);
  const idle = [up(1, 1), up(2, 0, { isWished: true }), up(3, 0)];
  const later = planPool(facts({ rows: idle }, { minIdle: 2 }), demand(0));
  expect(later.wish).toEqual([{ workerId: 102 }, { workerId: 103 }]);
  const taken = planPool(
    facts({ rows: idle }, { minIdle: 2 }),
    demand(1, { fresh: 0, wanted: 0, taken: new Set([102]) }),
  );
  // The one that is taken is wished for until the build has it, so that it does not go before.
  expect(taken.wish).toEqual([{ workerId: 103 }, { workerId: 102 }, { number: 4 }]);
});

test("a machine that is used up is nobody's spare", () => {
  const plan = planPool(facts({ rows: [up(1, 0, { isWorn: true })] }, { minIdle: 1 }), demand(0));
  expect(plan.wish).toEqual([{ number: 2 }]);
});

test("held: nothing is started, what is wished for stays; drained: not even that", () => {
  const rows = [up(1, 0, { isWished: true }), up(2, 1)];
  const by = { by: "ada@example.org", reason: "the disk is full" };
  const held = planPool(
    facts({ rows, steering: { how: "hold", ...by } }, { minIdle: 1 }),
    demand(3),
  );
  expect(held).toMatchObject({ open: [], wish: [{ workerId: 101 }] });
  expect(held.figures).toMatchObject({ desired: 2 });
  expect(held.figures.limits[0]).toMatchObject({
    code: "hold",
    sentence: "is held by ada@example.org: the disk is full",
  });
  const drained = planPool(
    facts({ rows, steering: { how: "drain", ...by } }, { minIdle: 1 }),
    demand(3),
  );
  expect(drained).toMatchObject({ open: [], wish: [] });
  expect(drained.figures.desired).toBe(1);
});

test("scaleUpRate counts machines of the last minute and those that are about to be asked for", () => {
  const starts = [NOW - 70_000, NOW - 50_000, NOW - 10_000];
  const plan = planPool(facts({ starts, wanted: 1 }, { scaleUpRate: 5 }), demand(9));
  expect(plan.open).toHaveLength(2);
  expect(plan.until).toBe(NOW + 10_000);
  expect(plan.figures.limits[0]).toMatchObject({ code: "rate", room: 2 });
});

test("backed off: nothing until then, and then one on trial", () => {
  const backoff = { until: NOW + 5_000, code: null, reason: "no such image", onTrial: 0 };
  const off = planPool(facts({ backoff }), demand(4));
  expect(off.open).toEqual([]);
  expect(off.until).toBe(NOW + 5_000);
  expect(off.figures.limits[0]).toMatchObject({ code: "backoff", room: 0 });
  expect(off.figures.limits[0]?.sentence).toContain("no such image");
  const trial = { ...backoff, until: NOW - 1 };
  expect(planPool(facts({ backoff: trial }), demand(4)).open).toHaveLength(1);
  const running = { ...trial, onTrial: 1 };
  expect(planPool(facts({ backoff: running }), demand(4)).open).toEqual([]);
  expect(limitsOf(facts({ backoff: { ...backoff, code: "quota" } }))[0]?.code).toBe("quota");
});

test("a budget that is used up stops growth until its period ends", () => {
  const options = { budget: { hours: 10, per: "day" as const } };
  const spent = { usedHours: 10.04, periodEndsAt: NOW + 99 };
  const limits = limitsOf(facts({ budget: spent }, options));
  expect(limits[0]).toMatchObject({
    ...{ code: "budget", room: 0, until: NOW + 99 },
    sentence: "has used 10 of 10 machine hours of this day (UTC)",
  });
  expect(roomOf(limitsOf(facts({ budget: { ...spent, usedHours: 9.9 } }, options)))).toBe(10);
});

test("a limit of the organisation counts machines that are about to be asked for", () => {
  const organization = { left: 3, sentence: "shares 5 machines with the others" };
  const plan = planPool(facts({ organization, wanted: 1 }), demand(9));
  expect(plan.open).toHaveLength(2);
  expect(plan.figures.limits[0]).toMatchObject({ code: "organization", room: 2 });
});

test("places in quarantine or paused take room away, and are not started", () => {
  const rows = [
    row(1, { quarantinedUntil: NOW + 20_000, quarantineReason: "it crashed" }),
    row(2, { isPaused: true }),
    row(3, { quarantinedUntil: NOW - 1 }),
  ];
  const plan = planPool(facts({ rows }, { maxWorkers: 4 }), demand(4));
  expect(plan.open).toEqual([{ workerId: 103 }, { number: 4 }]);
  expect(plan.figures.limits.map(({ code }) => code)).toEqual(["quarantine", "paused"]);
});

test("a pool that machines join starts none and still says how many it wants", () => {
  const rows = [1, 2].map((number) => up(number, number - 1, { state: null, isJoined: true }));
  const plan = planPool(
    facts({ isJoined: true, rows }, { minIdle: 1 }),
    demand(3, { taken: new Set([101]), fresh: 0, wanted: 2 }),
  );
  expect(plan).toMatchObject({ open: [], wish: [] });
  expect(plan.figures).toMatchObject({ desired: 5, idle: 1, busy: 1 });
  expect(plan.figures.limits[0]?.code).toBe("join");
});

test("more than half of the starts failed: a pause, twice as long each time, at most an hour", () => {
  const starts = (attached: number, failed: number) => ({
    ...{ attached, failed, code: null, reason: "ErrImagePull" },
  });
  expect(judge(starts(2, 2), 0)).toBeNull();
  expect(judge(starts(0, 0), 3)).toBeNull();
  expect(judge(starts(1, 2), 0)).toMatchObject({
    ...{ seconds: 10, count: 1 },
    reason: "2 of the last 3 machines did not start: ErrImagePull",
  });
  const one = { seconds: 80, count: 4, reason: "the last machine did not start: ErrImagePull" };
  expect(judge(starts(0, 1), 3)).toMatchObject(one);
  expect(judge(starts(0, 1), 40)).toMatchObject({ seconds: 3_600 });
  expect(judge(starts(1, 0), 3)).toBe("over");
});

test("whose place a worker's name is", () => {
  expect(isPlaceOf("linux", "linux-12")).toBe(true);
  expect(isPlaceOf("linux", "linux-big-1")).toBe(false);
  expect(isPlaceOf("linux", "linux-0")).toBe(true);
  expect(isPlaceOf("linux", "linux-01")).toBe(false);
  expect(isPlaceOf("linux", "linux")).toBe(false);
});
