/**
 * Guarantee: whichever process is killed at whatever moment, every request ends in exactly one
 * build, green, and nothing is left half-done. Ten rounds of fifty builds; the seed is printed, and
 * STORM_SEED repeats it.
 */
import { expect, test } from "vitest";
import { hasBuildbotWorker } from "../support/buildbot-worker";
import { seededRandom } from "../support/seeded-random";
import type { ProcessName } from "../support/slipway-instance";
import { killRounds, seedOf } from "./kill-rounds";
import { broken, openStorm, quiet } from "./storm";

const VARIANTS: Readonly<Record<string, readonly ProcessName[]>> = {
  "web, socket or jobs": ["web", "socket", "jobs"],
  "the embedded PostgreSQL": ["postgres"],
  // A supervisor that took a running PostgreSQL over must notice its end as well.
  "the supervisor, and the PostgreSQL it left behind": ["supervisor", "postgres"],
};

for (const [name, victims] of Object.entries(VARIANTS)) {
  test.runIf(hasBuildbotWorker())(`ten rounds with ${name} killed`, async () => {
    const seed = seedOf(process.env.STORM_SEED);
    console.log(`seed ${seed}`);
    const storm = await openStorm();
    try {
      const random = seededRandom(seed);
      const size = { rounds: 10, builds: 50, withinMs: 4_000 };
      const ids = await killRounds(storm, { ...size, victims, random, say: console.log });
      expect(new Set(ids).size).toBe(size.rounds * size.builds);
      await quiet(storm);
      expect(await broken(storm)).toEqual([]);
    } finally {
      await storm.stop();
    }
  });
}
