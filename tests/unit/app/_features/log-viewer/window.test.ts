// Guarantee: any line of a log of any length can be scrolled to, and the rows in the page stay few.
import { describe, expect, it } from "vitest";
import {
  at,
  contentHeight,
  type Geometry,
  isAtEnd,
  MAX_HEIGHT,
  MAX_ROWS,
  maxTop,
  rowsAround,
  scrolled,
} from "../../../../../app/_features/log-viewer/window";

const small: Geometry = { rowCount: 5000, rowHeight: 20, viewHeight: 600 };
const huge: Geometry = { rowCount: 12_000_000, rowHeight: 20, viewHeight: 600 };

describe("rows", () => {
  it("cover the view, and never more than the page may hold", () => {
    for (const geometry of [
      small,
      huge,
      { ...huge, viewHeight: 20_000 },
      { ...small, rowCount: 3 },
    ]) {
      for (const share of [0, 0.1234, 0.5, 0.999, 1]) {
        const top = maxTop(geometry) * share;
        const { first, end } = rowsAround(geometry, top);
        expect(end - first).toBeLessThanOrEqual(MAX_ROWS);
        expect(first * geometry.rowHeight).toBeLessThanOrEqual(top);
        const bottom = Math.min(
          top + Math.min(geometry.viewHeight, (MAX_ROWS - 1) * geometry.rowHeight),
          geometry.rowCount * geometry.rowHeight,
        );
        expect(end * geometry.rowHeight).toBeGreaterThanOrEqual(Math.floor(bottom));
      }
    }
  });
});

describe("a log that fits", () => {
  it("scrolls as the browser does", () => {
    expect(contentHeight(small)).toBe(100_000);
    expect(at(small, 777)).toEqual({ top: 777, scrollTop: 777 });
    expect(scrolled(small, { top: 0, scrollTop: 0 }, 60_000)).toEqual({
      top: 60_000,
      scrollTop: 60_000,
    });
  });
});

describe("a log that does not", () => {
  it("is no higher than browsers can", () => {
    expect(contentHeight(huge)).toBe(MAX_HEIGHT);
  });

  it("moves by the same way for a short way", () => {
    const before = at(huge, 100_000_000);
    const after = scrolled(huge, before, before.scrollTop + 120);
    expect(after.top).toBe(before.top + 120);
  });

  it("goes to the place in proportion for a long one", () => {
    const before = at(huge, 0);
    const after = scrolled(huge, before, (MAX_HEIGHT - 600) / 2);
    expect(Math.round(after.top)).toBe(Math.round(maxTop(huge) / 2));
  });

  it("reaches both ends by the wheel, row by row, without leaving one out", () => {
    for (const direction of [1, -1]) {
      const start = direction > 0 ? maxTop(huge) - 50_000 : 50_000;
      const goal = direction > 0 ? maxTop(huge) : 0;
      let position = at(huge, start);
      let steps = 0;
      while (position.top !== goal && steps < 5000) {
        const wanted = position.scrollTop + direction * 100;
        const clamped = Math.min(MAX_HEIGHT - 600, Math.max(0, wanted));
        const next = scrolled(huge, position, clamped);
        expect(Math.abs(next.top - position.top)).toBeLessThan(huge.viewHeight * 2);
        position = next;
        steps += 1;
      }
      expect(position.top).toBe(goal);
      // 50,000 pixels, at most a hundred a step: nothing was skipped but the last stretch.
      expect(steps).toBeGreaterThan(400);
    }
  });

  it("keeps the scrollbar near the place in proportion", () => {
    let position = at(huge, 120_000_000);
    for (let step = 0; step < 500; step += 1) {
      position = scrolled(huge, position, position.scrollTop + 100);
      expect(Math.abs(at(huge, position.top).scrollTop - position.scrollTop)).toBeLessThanOrEqual(
        1000,
      );
    }
    expect(position.top).toBe(120_000_000 + 50_000);
  });
});

it("the end is the last row in view", () => {
  expect(isAtEnd(small, maxTop(small))).toBe(true);
  expect(isAtEnd(small, maxTop(small) - 100)).toBe(false);
  expect(isAtEnd({ ...small, rowCount: 2 }, 0)).toBe(true);
});
