/** Guarantee: durations, sizes and distances in time are short and right at their edges. */
import { expect, test } from "vitest";
import { bytes, duration, ordinal, relative, shortRevision } from "../../../../app/_client/format";

test.each([
  [0, "0 s"],
  [400, "400 ms"],
  [59_999, "59 s"],
  [60_000, "1 min 00 s"],
  [3_599_000, "59 min 59 s"],
  [3_600_000, "1 h 00 min"],
  [172_800_000, "2 d 0 h"],
  [-5, "0 s"],
])("%i ms is %s", (ms, text) => expect(duration(ms)).toBe(text));

test("distances in time", () => {
  expect(relative(0, 120_000, "en")).toBe("2m ago");
  expect(relative(7_200_000, 0, "en")).toBe("in 2h");
});

test("the how-manieth", () => {
  const said = [1, 2, 3, 4, 11, 12, 13, 21, 102].map(ordinal);
  expect(said.join(" ")).toBe("1st 2nd 3rd 4th 11th 12th 13th 21st 102nd");
});

test("sizes", () => {
  expect(bytes(999, "en")).toBe("999 byte");
  expect(bytes(6500, "en")).toBe("6.5 kB");
});

test("only whole hashes are shortened", () => {
  expect(shortRevision("a".repeat(40))).toBe("aaaaaaaa");
  expect(shortRevision("v2.1-rc1")).toBe("v2.1-rc1");
});
