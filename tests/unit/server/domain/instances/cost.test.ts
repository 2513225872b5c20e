// Guarantee: what a machine cost is known for any stretch of time, stretches add up to the whole, and
// the builds that had it pay for all of it between them.
import { describe, expect, test } from "vitest";
import {
  billedAs,
  costUntil,
  dayOf,
  daysBetween,
  type Metered,
  nextDay,
  ranSeconds,
  shareAmong,
  spentWithin,
  startOfDay,
  startOfMonth,
} from "../../../../../server/domain/instances";
import { seededRandom } from "../../../../support/seeded-random";

const AT = Date.parse("2026-03-01T23:30:00Z");
const machine = (of: Partial<Metered> = {}): Metered => ({
  ...{ billing: "second", pricePerHour: 0.6, createdAt: AT, isMade: true, goneAt: AT + 5_400_000 },
  ...of,
});

describe("one machine", () => {
  test("is paid by the second, by hours that it began, or not at all", () => {
    const later = AT + 86_400_000;
    expect(ranSeconds(machine(), later)).toBe(5_400);
    expect(costUntil(machine(), later)).toBeCloseTo(0.9);
    expect(costUntil(machine({ billing: "started-hour" }), later)).toBeCloseTo(1.2);
    expect(costUntil(machine({ billing: "free", pricePerHour: null }), later)).toBe(0);
  });

  test("of our own hosts costs what its worker's price_per_hour says, if it says one", () => {
    expect(billedAs("free", null)).toBe("free");
    expect(billedAs("free", 0)).toBe("free");
    expect(billedAs("free", 0.2)).toBe("second");
    expect(billedAs("started-hour", 0.2)).toBe("started-hour");
  });

  test("whose price nobody said costs nobody knows what; its hours count", () => {
    expect(spentWithin(machine({ pricePerHour: null }), AT, AT + 3_600_000)).toEqual({
      ...{ seconds: 3_600, cost: null },
    });
  });

  test("that the provider never made costs nothing, also not its first hour", () => {
    expect(costUntil(machine({ billing: "started-hour", isMade: false }), AT + 1e9)).toBe(0);
  });

  test("that lives is paid for until now", () => {
    expect(costUntil(machine({ goneAt: null }), AT + 1_800_000)).toBeCloseTo(0.3);
  });

  test("pays a begun hour in the day in which it begins", () => {
    const hourly = machine({ billing: "started-hour", goneAt: AT + 4_000_000 });
    const midnight = startOfDay("2026-03-02");
    expect(spentWithin(hourly, AT, midnight).cost).toBeCloseTo(0.6);
    expect(spentWithin(hourly, midnight, midnight + 86_400_000).cost).toBeCloseTo(0.6);
  });
});

test("days add up to a life, whatever it was", () => {
  const random = seededRandom(5);
  for (let run = 0; run < 2_000; run += 1) {
    const createdAt = AT + random.below(1e9);
    const life = machine({
      createdAt,
      goneAt: createdAt + random.below(5e8),
      billing: random.below(2) === 0 ? "second" : "started-hour",
    });
    const end = (life.goneAt ?? 0) + 1;
    const days = daysBetween(dayOf(createdAt), dayOf(end));
    const parts = days.map((day) => spentWithin(life, startOfDay(day), startOfDay(nextDay(day))));
    const sum = parts.reduce((all, { cost }) => all + (cost ?? 0), 0);
    expect(sum).toBeCloseTo(costUntil(life, end) ?? -1, 6);
    expect(parts.reduce((all, { seconds }) => all + seconds, 0)).toBeCloseTo(ranSeconds(life, end));
    expect(parts.every(({ seconds, cost }) => seconds >= 0 && (cost ?? -1) >= 0)).toBe(true);
  }
});

test("months begin with their first day, in UTC", () => {
  expect(startOfMonth(AT)).toBe(startOfDay("2026-03-01"));
  expect(daysBetween("2026-02-27", "2026-03-02")).toHaveLength(4);
});

test("builds share the whole of it by time; one that never had it pays nothing", () => {
  const shares = shareAmong(
    [
      { id: 1, from: 0, to: 3_000 },
      { id: 2, from: 1_000, to: null },
      { id: 3, from: null, to: null },
    ],
    8,
    2_000,
  );
  expect([...shares]).toEqual([
    [1, 6],
    [2, 2],
  ]);
  expect(shareAmong([], 8, 0).size).toBe(0);
});
