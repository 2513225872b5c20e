// Guarantee: in any weather, whatever a provider says and whoever dies, no sweep stops a machine whose worker
// is connected, and when the sky clears two sweeps leave nothing that nobody owns. A few schedules here;
// tests/storm has thousands.
import { expect, test } from "vitest";
import { sweepWeather } from "../../../../support/sweep-weather";

test("a few dozen steps in each of six schedules", async () => {
  let [sweeps, stops] = [0, 0];
  for (let seed = 1; seed <= 6; seed += 1) {
    const weather = await sweepWeather(seed, 30);
    sweeps += weather.sweeps;
    stops += weather.stops;
  }
  expect(sweeps).toBeGreaterThan(20);
  expect(stops).toBeGreaterThan(5);
}, 180_000);
