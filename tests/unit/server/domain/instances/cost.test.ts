// Guarantee: what a machine cost until any moment is known, and the builds that had it pay for all of it
// between them. (Days, months, builders and limits: tests/integration/server/fleet/caps/usage.test.ts.)
import { describe, expect, test } from "vitest";
import {
  billedAs,
  costUntil,
  daysBetween,
  type Metered,
  priceOf,
  ranSeconds,
  shareAmong,
} from "../../../../../server/domain/instances";

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

  test("has the price that the options say, or none", () => {
    expect(priceOf({ price_per_hour: 0.2 })).toBe(0.2);
    for (const config of [null, {}, { price_per_hour: "0.2" }, { price_per_hour: -1 }]) {
      expect(priceOf(config)).toBeNull();
    }
  });

  test("whose price nobody said costs nobody knows what; its hours count", () => {
    expect(costUntil(machine({ pricePerHour: null }), AT + 3_600_000)).toBeNull();
    expect(ranSeconds(machine({ pricePerHour: null }), AT + 3_600_000)).toBe(3_600);
  });

  test("that the provider never made costs nothing, also not its first hour", () => {
    expect(costUntil(machine({ billing: "started-hour", isMade: false }), AT + 1e9)).toBe(0);
  });

  test("that lives is paid for until now", () => {
    expect(costUntil(machine({ goneAt: null }), AT + 1_800_000)).toBeCloseTo(0.3);
  });
});

test("days follow each other, across months and leap days", () => {
  expect(daysBetween("2028-02-28", "2028-03-01")).toEqual([
    ...["2028-02-28", "2028-02-29", "2028-03-01"],
  ]);
  expect(daysBetween("2028-03-02", "2028-03-01")).toEqual([]);
});

test("builds share the whole of it by time until it was let go; one that never had it pays nothing", () => {
  const shares = shareAmong(
    [
      { id: 1, from: 0, to: 3_000 },
      { id: 2, from: 3_000, to: null },
      { id: 3, from: null, to: null },
      // It was cut off, and its end written later.
      { id: 4, from: 3_000, to: 9_000 },
    ],
    10,
    4_000,
  );
  expect([...shares]).toEqual([
    [1, 6],
    [2, 2],
    [4, 2],
  ]);
  expect(shareAmong([], 8, 0).size).toBe(0);
});
