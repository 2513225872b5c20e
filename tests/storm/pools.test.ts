/**
 * Guarantee: a hundred thousand builds on pools of all kinds, with a cloud that is slow and fails, and none is
 * ended by scaling, none is forgotten, and nothing is left running (K-033). Minutes, not seconds; the seed is
 * printed, and STORM_SEED repeats it.
 */
import { expect, test } from "vitest";
import { PoolWorld } from "../support/pool-world";
import { seededRandom } from "../support/seeded-random";
import { seedOf } from "./kill-rounds";

const BUILDS = 100_000;
const ROUNDS = 20;
const HOUR = 3_600_000;
const LONGEST = 30 * 24 * HOUR;

test(`${BUILDS} builds over ${ROUNDS} pools`, () => {
  const seed = seedOf(process.env.STORM_SEED);
  console.log(`seed ${seed}`);
  const random = seededRandom(seed);
  let builds = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const failing = random.below(25);
    const of = new PoolWorld({
      seed: seed + round,
      builders: 40,
      options: {
        // Ten builds at a time come on average: most pools keep up, the smallest only just.
        maxWorkers: 16 + random.below(60),
        minIdle: random.below(4),
        maxBuildsPerWorker: 1 + random.below(3),
        idleTimeout: random.below(3) * 120,
        maxBuildsPerInstance: random.below(2) === 0 ? null : 1 + random.below(100),
        maxLifetime: random.below(2) === 0 ? null : 600 + random.below(20_000),
        scaleUpRate: random.below(2) === 0 ? null : 5 + random.below(60),
      },
      startMs: (own) => 2_000 + own.below(60_000),
      stopMs: (own) => 500 + own.below(20_000),
      fails: ({ random: own }) => own.below(100) < failing,
    });
    for (let n = 0; n < BUILDS / ROUNDS; n += 1) {
      of.at(random.below(24 * HOUR), () => of.ask(random.below(40), random.below(6 * 60_000)));
    }
    let until = 24 * HOUR;
    for (; of.finished < BUILDS / ROUNDS && until < LONGEST; until += HOUR) of.run(until);
    of.run(until + 2 * HOUR);
    expect(of.faults.slice(0, 5)).toEqual([]);
    expect(of.finished).toBe(BUILDS / ROUNDS);
    expect(of.most).toBeLessThanOrEqual(of.options.maxWorkers);
    // What is ready for the next build is left, and nothing else.
    expect(of.machines).toBeLessThanOrEqual(of.options.minIdle);
    builds += of.finished;
    console.log(`pool ${round + 1}: ${of.finished} builds, ${of.most} machines at most`);
  }
  expect(builds).toBe(BUILDS);
});
