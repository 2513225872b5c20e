// Guarantee: however assigning, letting go, stopping, dying and being lost interleave, no machine is
// stopped under a build that nobody stopped, and in the end nothing is left. The seeds are fixed; the
// long run with many more is tests/storm/latent.test.ts.
import { expect, test } from "vitest";
import { latentStorm } from "../../../../support/latent-storm";

test.each([1, 2, 3, 4])("random lives of a latent worker, seed %i", async (seed) => {
  const { builds, machines } = await latentStorm(seed, 60);
  expect(builds).toBeGreaterThan(2);
  expect(machines).toBeGreaterThan(0);
});
