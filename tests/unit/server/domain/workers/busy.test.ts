/** Guarantee: a worker's day is few segments, and where builds overlap the worst of them is seen. */
import { expect, test } from "vitest";
import { busySegments, spanUntil } from "../../../../../server/domain/workers/busy";

const SLOT = 600_000;
const span = { from: 0, slotMs: SLOT, slots: 6 };
const at = (slot: number) => slot * SLOT;
const built = (from: number, to: number, result: number) => ({
  from: at(from),
  to: at(to),
  result,
});

test("neighbours of one result are one segment, a gap parts them", () => {
  const builds = [built(0, 0.5, 0), built(1.2, 1.9, 0), built(4, 4.1, 0)];
  expect(busySegments(builds, span, at(6))).toEqual([
    { at: 0, span: 2, result: 0 },
    { at: 4, span: 1, result: 0 },
  ]);
});

test("a failure is seen among successes, an exception before it", () => {
  const builds = [built(0, 5.9, 0), built(2, 2.5, 2), built(3, 3.2, 2), built(3, 3.5, 4)];
  expect(busySegments(builds, span, at(6))).toEqual([
    { at: 0, span: 2, result: 0 },
    { at: 2, span: 1, result: 2 },
    { at: 3, span: 1, result: 4 },
    { at: 4, span: 2, result: 0 },
  ]);
});

test("a build that runs reaches to now, one that began before the span fills it from its start", () => {
  const builds = [
    { from: at(-3), to: at(1.5), result: 0 },
    { from: at(4.5), to: null, result: null },
  ];
  expect(busySegments(builds, span, at(5.2))).toEqual([
    { at: 0, span: 2, result: 0 },
    { at: 4, span: 2, result: null },
  ]);
});

test("nothing was built: nothing is drawn; a span ends with the slot of now and stays still in it", () => {
  expect(busySegments([], span, at(6))).toEqual([]);
  const early = spanUntil(at(10) + 1, SLOT, 6);
  expect(early).toEqual({ from: at(5), slotMs: SLOT, slots: 6 });
  expect(spanUntil(at(11) - 1, SLOT, 6)).toEqual(early);
});
