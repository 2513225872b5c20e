/**
 * Guarantee: a PostgreSQL that is restarted under load costs time and nothing else. Five restarts;
 * the seed is printed, and STORM_SEED repeats it.
 */
import { expect, test } from "vitest";
import { hasBuildbotWorker } from "../support/buildbot-worker";
import { seededRandom } from "../support/seeded-random";
import { seedOf } from "./kill-rounds";
import { postgresRestarts } from "./postgres-restart";
import { broken, quiet } from "./storm";

test.runIf(hasBuildbotWorker())("five restarts of PostgreSQL under load", async () => {
  const seed = seedOf(process.env.STORM_SEED);
  console.log(`seed ${seed}`);
  const size = { restarts: 5, builds: 50, random: seededRandom(seed), say: console.log };
  await postgresRestarts(size, async (storm, ids) => {
    expect(new Set(ids).size).toBe(size.restarts * size.builds);
    await quiet(storm);
    expect(await broken(storm)).toEqual([]);
  });
});
