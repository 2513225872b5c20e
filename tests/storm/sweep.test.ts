// Guarantee: see tests/integration/server/fleet/sweep/weather.test.ts; here for as long as one likes to wait.
import { expect, test } from "vitest";
import { judgeSchedules } from "../support/list-weather";
import { sweepWeather } from "../support/sweep-weather";

const SCHEDULES = Number(process.env.STORM_SCHEDULES ?? 300);
/** The first of them; a failure names its own. */
const SEED = Number(process.env.STORM_SEED ?? 1_000);

test("a hundred thousand lists that lag and lie, judged", () => {
  judgeSchedules(SEED + 9_001, SEED + 109_000);
});

test("schedules over the fake cloud, with processes that die", async () => {
  const all = { sweeps: 0, stops: 0, deaths: 0 };
  for (let seed = SEED; seed < SEED + SCHEDULES; seed += 1) {
    const { sweeps, stops, deaths } = await sweepWeather(seed, 60);
    all.sweeps += sweeps;
    all.stops += stops;
    all.deaths += deaths;
  }
  console.log(JSON.stringify({ schedules: SCHEDULES, ...all }));
  expect(all.deaths).toBeGreaterThan(SCHEDULES / 2);
});
