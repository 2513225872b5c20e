/**
 * Guarantee: over a day of thousands of builds, and over a hundred random loads, no build ends by scaling, no
 * limit is passed, what waits always has a reason, and when nothing is wanted nothing runs (K-031 to K-033).
 */
import { expect, test } from "vitest";
import { PoolWorld, type WorldOptions } from "../../../../support/pool-world";
import { seededRandom } from "../../../../support/seeded-random";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const cloud = {
  startMs: (random: { below(limit: number): number }) => 5_000 + random.below(40_000),
  stopMs: (random: { below(limit: number): number }) => 1_000 + random.below(10_000),
};

const world = (over: Partial<WorldOptions> = {}) =>
  new PoolWorld({ seed: 1, options: {}, builders: 1, ...cloud, ...over });

function empty(of: PoolWorld, machines = 0): void {
  expect(of.faults).toEqual([]);
  expect(of.finished).toBe(of.asked);
  expect(of.pending).toBe(0);
  expect(of.machines).toBe(machines);
}

test("five requests at once: five machines are asked for at that moment", () => {
  const of = world();
  of.at(0, () => {
    for (let builder = 0; builder < 5; builder += 1) of.ask(builder, MINUTE);
  });
  of.run(0);
  expect(of.starts).toEqual([0, 0, 0, 0, 0]);
  of.run();
  empty(of);
});

test("a working day: builds by the thousand, a calm night", { timeout: 120_000 }, () => {
  const of = world({
    options: { maxWorkers: 40, maxBuildsPerWorker: 2, idleTimeout: 300, maxBuildsPerInstance: 50 },
  });
  const random = seededRandom(7);
  for (let minute = 0; minute < 24 * 60; minute += 1) {
    const hour = minute / 60;
    // Nearly nothing at night, most at eleven and at four.
    const perMinute = hour < 7 || hour > 20 ? 0.2 : 3 + 3 * Math.cos((Math.PI * (hour - 11)) / 2.5);
    const count = Math.floor(perMinute) + Number(random.below(1_000) < 1_000 * (perMinute % 1));
    for (let n = 0; n < count; n += 1) {
      of.at(minute * MINUTE + random.below(MINUTE), () =>
        of.ask(random.below(30), 20_000 + random.below(10 * MINUTE)),
      );
    }
  }
  of.run(23.5 * HOUR);
  expect(of.asked).toBeGreaterThan(2_000);
  expect(of.most).toBeLessThanOrEqual(40);
  of.run();
  empty(of);
  // It followed the load: far from forty machines all day.
  expect(of.most).toBeGreaterThan(10);
});

test("minIdle machines are ready through the day, and only those are left", () => {
  const of = world({ options: { maxWorkers: 12, minIdle: 3, idleTimeout: 0 } });
  const random = seededRandom(3);
  of.at(0, () => {});
  for (let n = 0; n < 300; n += 1) {
    of.at(HOUR + random.below(8 * HOUR), () => of.ask(random.below(10), random.below(5 * MINUTE)));
  }
  of.run(12 * HOUR);
  empty(of, 3);
});

test("an image that starts nothing all night: a bounded number of starts; mended, all is built", () => {
  const mendedAt = 8 * HOUR;
  const of = world({
    options: { maxWorkers: 50, idleTimeout: 60 },
    fails: ({ now }) => now < mendedAt,
  });
  const random = seededRandom(5);
  for (let n = 0; n < 200; n += 1) {
    of.at(random.below(7 * HOUR), () => of.ask(random.below(20), MINUTE));
  }
  of.run(mendedAt);
  // One after each pause, which doubles up to an hour, and those of the very first moment.
  expect(of.starts.length).toBeLessThan(30);
  expect(of.limits[0]).toBe("backoff");
  of.run();
  empty(of);
});

test("a hundred random loads: no build ends by scaling", { timeout: 300_000 }, () => {
  for (let seed = 1; seed <= 100; seed += 1) {
    const random = seededRandom(seed);
    const some = (limit: number) => (random.below(2) === 0 ? null : 1 + random.below(limit));
    const maxWorkers = 1 + random.below(15);
    const of = world({
      seed,
      options: {
        maxWorkers,
        minIdle: random.below(3) === 0 ? Math.min(maxWorkers, random.below(4)) : 0,
        maxBuildsPerWorker: 1 + random.below(4),
        idleTimeout: random.below(3) * 60,
        maxLifetime: some(7_200),
        maxBuildsPerInstance: some(20),
        scaleUpRate: some(20),
      },
      fails: ({ random: own }) => own.below(100) < (seed % 4) * 10,
    });
    const burst = 1 + random.below(10);
    for (let n = 0; n < 20; n += 1) {
      const at = random.below(2 * HOUR);
      for (let m = 0; m < burst; m += 1) {
        of.at(at + random.below(MINUTE), () => of.ask(random.below(8), random.below(8 * MINUTE)));
      }
    }
    // People do what they do meanwhile.
    const by = { by: "ada", reason: "x" };
    for (const how of ["hold", "drain"] as const) {
      const at = random.below(2 * HOUR);
      of.at(at, () => {
        of.steering = { how, ...by };
      });
      of.at(at + random.below(20 * MINUTE), () => {
        of.steering = null;
      });
    }
    of.at(random.below(2 * HOUR), () => {
      of.options = {
        ...of.options,
        maxWorkers: Math.max(1, Math.ceil(maxWorkers / 2)),
        minIdle: 0,
      };
    });
    of.run(48 * HOUR);
    expect([seed, of.faults.slice(0, 3)]).toEqual([seed, []]);
    empty(of);
  }
});
