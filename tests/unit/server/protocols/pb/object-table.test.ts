// Guarantee: numbers of objects are counted as peers count them, and stay bounded for a peer that never
// releases any.
import { describe, expect, it } from "vitest";
import type { LocalObject } from "../../../../../server/protocols/pb/object-table";
import { ObjectTable } from "../../../../../server/protocols/pb/object-table";

const heavy: LocalObject = { call: () => "heavy" };
const rest: LocalObject = { call: () => "rest" };

describe("object table", () => {
  it("numbers from 1 and never uses a number again", () => {
    const table = new ObjectTable(10);
    expect([table.expose(heavy), table.expose(heavy)]).toEqual([1, 2]);
    table.release(1);
    expect(table.get(1)).toBeUndefined();
    expect(table.expose(heavy)).toBe(3);
  });

  it("keeps the number of an ended object until it is released", () => {
    const table = new ObjectTable(10);
    const number = table.expose(heavy);
    table.end(number, rest);
    expect(table.get(number)).toBe(rest);
    table.release(number);
    expect(table.get(number)).toBeUndefined();
    table.release(number);
    table.end(number, rest);
    expect(table.size).toBe(0);
  });

  it("forgets the oldest ended ones beyond its bound, never live ones", () => {
    const table = new ObjectTable(3);
    const live = table.expose(heavy);
    for (let count = 0; count < 100; count++) table.end(table.expose(heavy), rest);
    expect(table.size).toBe(4);
    expect(table.get(live)).toBe(heavy);
    expect(table.get(101)).toBe(rest);
    expect(table.get(2)).toBeUndefined();
  });
});
