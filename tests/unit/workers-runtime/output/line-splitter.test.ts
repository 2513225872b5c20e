// Guarantee: however a stream is cut into reads, the same whole lines of valid UTF-8 come out, and no
// character of it is lost.
import { isUtf8 } from "node:buffer";
import { describe, expect, it } from "vitest";
import { LineSplitter, MAX_LINE_BYTES } from "../../../../workers-runtime/output/line-splitter";
import { seededRandom } from "../../../support/seeded-random";

/** What comes out when `bytes` are read in pieces of these lengths. */
function split(bytes: Buffer, lengths: () => number): string {
  const splitter = new LineSplitter();
  const out: Buffer[] = [];
  for (let start = 0; start < bytes.length; ) {
    const length = Math.max(1, lengths());
    const lines = splitter.push(bytes.subarray(start, start + length));
    if (lines !== null) {
      expect(lines.at(-1)).toBe(0x0a);
      expect(isUtf8(lines)).toBe(true);
      out.push(lines);
    }
    start += length;
  }
  const rest = splitter.end();
  return Buffer.concat(rest === null ? out : [...out, rest]).toString("utf8");
}

const whole = (text: string | Buffer) => split(Buffer.from(text as string), () => 1e9);

describe("LineSplitter", () => {
  it("hands out whole lines and completes the last one at the end", () => {
    const splitter = new LineSplitter();
    expect(splitter.push(Buffer.from("a"))).toBeNull();
    expect(splitter.push(Buffer.from("b\nc\nd"))?.toString()).toBe("ab\nc\n");
    expect(splitter.end()?.toString()).toBe("d\n");
    expect(splitter.end()).toBeNull();
  });

  it("makes line ends of what moves the cursor, and leaves colours alone", () => {
    expect(whole("a\r\nb\rc\r\r\nd\n")).toBe("a\nb\nc\nd\n");
    expect(whole("a\b\b\bb\x1b[2Jc\x1b[uc\x1b[12;40Hd\x1b[1;1fe\n")).toBe("a\nb\nc\nc\nd\ne\n");
    expect(whole("10%\r\r\x1b[2J20%\r\x1b[u30%\n")).toBe("10%\n\n20%\n\n30%\n");
    expect(whole(`a${"\b".repeat(60_000)}b${"\r".repeat(60_000)}c\x1b`)).toBe("a\nb\nc\x1b\n");
    expect(whole("\x1b[31mred\x1b[0m\n")).toBe("\x1b[31mred\x1b[0m\n");
  });

  it("keeps what only looked like a move", () => {
    expect(whole("progress\r")).toBe("progress\n");
    expect(whole("a\x1b[12")).toBe("a\x1b[12\n");
    expect(whole("\r")).toBe("");
  });

  it("replaces bad UTF-8 and keeps a byte order mark and NUL", () => {
    expect(whole(Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0xff, 0x00, 0x62, 0x0a]))).toBe(
      "\ufeffa\ufffd\0b\n",
    );
  });

  it("cuts a line that is too long between characters, and loses none", () => {
    const line = "é".repeat(MAX_LINE_BYTES);
    const out = whole(`short\n${line}\nshort`).split("\n");
    expect(out.slice(1, -2).every((piece) => Buffer.byteLength(piece) <= MAX_LINE_BYTES)).toBe(
      true,
    );
    expect(out.slice(1, -2).join("") === line).toBe(true);
    expect(out.at(-2)).toBe("short");
    const fits = `${"x".repeat(MAX_LINE_BYTES)}\n`;
    expect(whole(fits + fits) === fits + fits).toBe(true);
  });

  it("says the same however the stream is cut", () => {
    const random = seededRandom(7);
    const parts = [
      "a",
      "é",
      "漢",
      "\n",
      "\r",
      "\r\n",
      "\b",
      "\x1b[",
      "\x1b[2J",
      "\x1b[1;2H",
      "x".repeat(9),
    ];
    for (let round = 0; round < 300; round++) {
      const text = Array.from({ length: 40 }, () => parts[random.below(parts.length)]).join("");
      const bytes = Buffer.from(text);
      expect(split(bytes, () => random.below(6))).toBe(split(bytes, () => 1e9));
    }
  });
});
