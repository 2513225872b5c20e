// Guarantee: a worker comes back soon at first, rarely later, and never in step with the others.
import { expect, it } from "vitest";
import { BackOff } from "../../../../workers-runtime/session/back-off";

it("grows from one second by half to a minute, give or take a fifth", () => {
  const middle = new BackOff({ longestMs: 300_000, random: () => 0.5 });
  const delays = Array.from({ length: 14 }, () => middle.next());
  expect(delays.slice(0, 4)).toEqual([1000, 1500, 2250, 3375]);
  expect(delays.at(-1)).toBe(50_000);
  middle.reset();
  expect(middle.next()).toBe(1000);
  expect(new BackOff({ longestMs: 60_000, random: () => 0 }).next()).toBe(800);
  expect(new BackOff({ longestMs: 60_000, random: () => 1 }).next()).toBe(1200);
});

it("is never longer than a minute, or than it was told, and is spread even then", () => {
  const last = (longestMs: number, random: number) => {
    const backOff = new BackOff({ longestMs, random: () => random });
    return Array.from({ length: 20 }, () => backOff.next()).at(-1);
  };
  expect([last(300_000, 0), last(300_000, 1)]).toEqual([40_000, 60_000]);
  expect([last(500, 0), last(500, 1)]).toEqual([333, 500]);
  expect(last(0, 1)).toBe(0);
});

it("asks sooner while something is kept, and never later than otherwise", () => {
  const backOff = new BackOff({ longestMs: 60_000, random: () => 0.5 });
  const delays = Array.from({ length: 12 }, () => backOff.next(true));
  expect(delays.slice(0, 3)).toEqual([200, 300, 450]);
  expect(Math.max(...delays)).toBe(3_000);
  backOff.reset();
  expect(backOff.next(true)).toBe(200);
  expect(new BackOff({ longestMs: 100, random: () => 0.5 }).next(true)).toBeLessThanOrEqual(100);
});
