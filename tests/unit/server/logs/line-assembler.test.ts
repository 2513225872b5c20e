// Guarantee: however a stream is cut into packets, the same whole lines come out, with nothing lost
// (C-141, C-142).
import { describe, expect, it } from "vitest";
import { MAX_LINE_BYTES } from "../../../../server/logs/write/limits";
import { LineAssembler } from "../../../../server/logs/write/line-assembler";
import { byteLength, type LineBlock } from "../../../../server/logs/write/line-block";

const O = "o".charCodeAt(0);

function linesOf(block: LineBlock): string[] {
  const lines: string[] = [];
  let start = 0;
  for (let n = 0; n < block.count; n += 1) {
    lines.push(block.bytes.toString("latin1", start, block.ends[n]));
    start = block.ends[n] as number;
  }
  expect(start).toBe(byteLength(block));
  return lines;
}

function assemble(pieces: readonly Buffer[], prefix = 0): string[] {
  const assembler = new LineAssembler(prefix);
  return [
    ...pieces.flatMap((piece) => linesOf(assembler.push(piece))),
    ...linesOf(assembler.end()),
  ];
}

function text(input: string): string {
  return assemble([Buffer.from(input, "latin1")]).join("");
}

describe("line ends", () => {
  it.each([
    ["a\nb\n", "a\nb\n"],
    ["unfinished", "unfinished\n"],
    ["a\r\nb\r\n", "a\nb\n"],
    ["10%\r20%\rdone\n", "10%\n20%\ndone\n"],
    ["a\r\r\nb\n", "a\n\nb\n"],
    ["last\r", "last\n"],
    ["abc\b\b\bdef\n", "abc\ndef\n"],
    ["a\b\n", "a\n\n"],
    ["one\x1b[utwo\n", "one\ntwo\n"],
    ["one\x1b[12;40Htwo\x1b[1;1fthree\n", "one\ntwo\nthree\n"],
    ["one\x1b[2Jtwo\n", "one\ntwo\n"],
    ["\x1b[31mred\x1b[0m \x1b[1;32mgreen\x1b[m\n", "\x1b[31mred\x1b[0m \x1b[1;32mgreen\x1b[m\n"],
    ["\x1b[22Jx\x1b[1Jy\x1b[;1Hz\n", "\x1b[22Jx\x1b[1Jy\x1b[;1Hz\n"],
    ["\x1b\x1b[2Jx\n", "\x1b\nx\n"],
    ["a\x1b[1;2\nb\n", "a\x1b[1;2\nb\n"],
    ["nul\0 stays\n", "nul\0 stays\n"],
    ["\n\n", "\n\n"],
    ["", ""],
  ])("%j becomes %j", (input, expected) => {
    expect(text(input)).toBe(expected);
  });

  it("are the same for every way of cutting the stream", () => {
    const input = Buffer.from(
      "a\r\nb\rc\x1b[2Jd\x1b[10;2He\x1b[1;31mf\b\bg\x1b[\n\x1b\x1b[uh\r",
      "latin1",
    );
    const whole = assemble([input], O);
    for (let cut = 0; cut <= input.length; cut += 1) {
      expect(assemble([input.subarray(0, cut), input.subarray(cut)], O)).toEqual(whole);
    }
    const single = Array.from(input, (byte) => Buffer.of(byte));
    expect(assemble(single, O)).toEqual(whole);
  });

  it("give each line the prefix of its stream", () => {
    expect(assemble([Buffer.from("a\n\nb")], O)).toEqual(["oa\n", "o\n", "ob\n"]);
  });
});

describe("long lines", () => {
  it("are cut at 64 KiB with prefix and newline, and lose nothing", () => {
    const input = Buffer.alloc(200_000, "x");
    const pieces = [0, 60_000, 120_000, 180_000].map((at) => input.subarray(at, at + 60_000));
    const lines = assemble(pieces, O);
    expect(Math.max(...lines.map((line) => line.length))).toBe(MAX_LINE_BYTES);
    expect(lines.map((line) => line.slice(1, -1)).join("")).toBe(input.toString());
  });

  it("are never cut inside a character", () => {
    for (let before = 0; before < 4; before += 1) {
      const input = Buffer.from("y".repeat(before) + "€".repeat(21_846));
      const pieces = [input.subarray(0, 65_000), input.subarray(65_000)];
      const lines = assemble(pieces, O).map((line) => Buffer.from(line, "latin1"));
      expect(lines.length).toBe(2);
      expect(Buffer.concat(lines.map((line) => line.subarray(1, -1))).equals(input)).toBe(true);
      expect(lines.join("")).not.toContain("\ufffd");
    }
  });
});
