// Guarantee: thousands of interleavings of assigning and letting go, of deaths and losses, without a
// machine that is stopped under a build or left behind.
import { expect, test } from "vitest";
import { latentStorm } from "../support/latent-storm";

const SEEDS = Number(process.env.STORM_SEEDS ?? 60);
/** The first of them; a failure names its own. */
const SEED = Number(process.env.STORM_SEED ?? 1_000);

test("random lives of latent workers", async () => {
  let [builds, machines, steps] = [0, 0, 0];
  for (let seed = SEED; seed < SEED + SEEDS; seed += 1) {
    const outcome = await latentStorm(seed, 150);
    builds += outcome.builds;
    machines += outcome.machines;
    steps += outcome.steps;
  }
  console.log(JSON.stringify({ seeds: SEEDS, steps, builds, machines }));
  expect(builds).toBeGreaterThan(SEEDS);
});
