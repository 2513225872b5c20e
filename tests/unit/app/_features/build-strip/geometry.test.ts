/** Guarantee: bars tell good from bad without colour, and stay inside their box. */
import { expect, test } from "vitest";
import { strokes, summary } from "../../../../../app/_features/build-strip/geometry";

const bar = (result: number | null, took: number, id = 1) => ({
  id,
  number: id,
  state: result === null ? "running" : "finished",
  result,
  startedAt: 0,
  completeAt: result === null ? null : took,
});
const box = { width: 70, height: 28, bar: 5, gap: 2 };

test("only bad results hang below the line", () => {
  const [good] = strokes([bar(0, 1000)], box, 0);
  const [bad] = strokes([bar(2, 1000)], box, 0);
  const [ours] = strokes([bar(4, 1000)], box, 0);
  const shapes = (d: string | undefined) => d?.match(/M/g)?.length;
  expect([shapes(good?.d), shapes(bad?.d), shapes(ours?.d)]).toEqual([1, 2, 2]);
  expect(bad?.d).not.toBe(ours?.d);
});

test("what runs and what says nothing is hollow", () => {
  expect(strokes([bar(null, 0)], box, 5000)[0]).toMatchObject({ isHollow: true, hue: "blue" });
  expect(strokes([bar(6, 10)], box, 0)[0]).toMatchObject({ isHollow: true, hue: "grey" });
});

test("bars of one look are one path, and none leaves the box", () => {
  const many = Array.from({ length: 10 }, (_, n) => bar(0, n * 1000, n + 1));
  const paths = strokes(many, box, 0);
  expect(paths).toHaveLength(1);
  for (const [, y] of paths[0]?.d.matchAll(/M[\d.]+ (-?[\d.]+)/g) ?? []) {
    expect(Number(y)).toBeGreaterThanOrEqual(0);
    expect(Number(y)).toBeLessThanOrEqual(box.height);
  }
});

test("a screen reader hears counts", () => {
  expect(summary([bar(0, 1), bar(0, 1), bar(2, 1)])).toBe("Last 3 builds: 2 success, 1 failure");
  expect(summary([])).toBe("No builds yet");
});
