/**
 * Guarantee: ten million frames that are nearly right make neither decoder throw anything but its own
 * errors, nor hold more and more memory. FUZZ_FRAMES makes it fewer; the seed is printed, and
 * STORM_SEED repeats it.
 */
import { expect, test } from "vitest";
import { type Dialect, fuzz } from "./fuzz-decoders";
import { EDGES, fuzzEdge } from "./fuzz-edges";
import { seedOf } from "./kill-rounds";

const FRAMES = Number(process.env.FUZZ_FRAMES ?? 10_000_000);
const MOST_GROWTH = 64 * 1024 * 1024;

test.for<Dialect>(["pb", "msgpack"])("%s takes mutated frames of recorded peers", (dialect) => {
  const seed = seedOf(process.env.STORM_SEED);
  console.log(`${dialect}: ${FRAMES} frames, seed ${seed}`);
  const report = fuzz(dialect, FRAMES, seed);
  const perSecond = Math.round(report.frames / report.seconds);
  console.log(`${dialect}: ${JSON.stringify({ ...report, perSecond })}`);
  // The mutations reach both ways out, so they break neither everything nor nothing.
  expect(report.read).toBeGreaterThan(FRAMES / 100);
  expect(report.refused).toBeGreaterThan(FRAMES / 100);
  expect(report.heldLast - report.heldFirst).toBeLessThan(MOST_GROWTH);
});

const EDGE_ROUNDS = Number(process.env.FUZZ_FRAMES ?? 300_000);

test.for(Object.keys(EDGES))("%s, mutated", async (name) => {
  const seed = seedOf(process.env.STORM_SEED);
  const report = await fuzzEdge(name, EDGE_ROUNDS, seed);
  console.log(`${name}: ${JSON.stringify(report)}, seed ${seed}`);
  expect(report.taken).toBeGreaterThan(0);
  expect(report.refused).toBeGreaterThan(report.rounds / 100);
});
