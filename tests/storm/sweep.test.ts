// Guarantee: see tests/integration/server/fleet/sweep/weather.test.ts; here for as long as one likes to wait.
import { expect, test } from "vitest";
import { judgeSchedules } from "../support/list-weather";
import { sweepWeather } from "../support/sweep-weather";

const SCHEDULES = Number(process.env.STORM_SCHEDULES ?? 300);

test("a hundred thousand lists that lag and lie, judged", () => {
  judgeSchedules(10_001, 110_000);
});

test("schedules over the fake cloud, with processes that die", async () => {
  const all = { sweeps: 0, stops: 0, deaths: 0 };
  for (let seed = 1_000; seed < 1_000 + SCHEDULES; seed += 1) {
    const { sweeps, stops, deaths } = await sweepWeather(seed, 60);
    all.sweeps += sweeps;
    all.stops += stops;
    all.deaths += deaths;
  }
  console.log(JSON.stringify({ schedules: SCHEDULES, ...all }));
  expect(all.deaths).toBeGreaterThan(SCHEDULES / 2);
});
