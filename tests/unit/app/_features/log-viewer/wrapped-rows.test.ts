// Guarantee: with wrapped lines, rows and lines are found from each other exactly.
import { expect, it } from "vitest";
import { formatAnchor, parseAnchor } from "../../../../../app/_features/log-viewer/anchor";
import { WrappedRows } from "../../../../../app/_features/log-viewer/wrapped-rows";

it("agrees with counting", () => {
  const wrapped = new WrappedRows(10);
  const rows = Array.from({ length: 3000 }, () => 1);
  let seed = 7;
  const next = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % below;
  };
  for (let round = 0; round < 400; round += 1) {
    const line = next(3000);
    const height = 1 + next(5);
    const before = rows[line] as number;
    expect(wrapped.set(line, height)).toBe(height - before);
    rows[line] = height;
  }
  let row = 0;
  for (const [line, height] of rows.entries()) {
    expect(wrapped.rowOf(line)).toBe(row);
    for (let n = 0; n < height; n += 1) expect(wrapped.lineAt(row + n)).toBe(line);
    row += height;
  }
  expect(wrapped.extraRows).toBe(row - 3000);
  expect(wrapped.lineAt(row + 5)).toBe(3005);
  expect(wrapped.lineAt(row + 50_000)).toBe(53_000);
});

it("links to lines are read as they are written", () => {
  expect(parseAnchor("#L120")).toEqual({ first: 119, last: 119 });
  expect(parseAnchor("#L134-L120")).toEqual({ first: 119, last: 133 });
  expect(parseAnchor("#s4-L1-L2", "s4-")).toEqual({ first: 0, last: 1 });
  for (const hash of ["", "#", "#L0", "#Lx", "#s4-L1", "#L1-L"])
    expect(parseAnchor(hash)).toBeNull();
  expect(formatAnchor({ first: 119, last: 133 }, "s4-")).toBe("#s4-L120-L134");
  expect(formatAnchor({ first: 0, last: 0 })).toBe("#L1");
});
