// Guarantee: the value of a secret reaches no stored log, in none of the shapes of A-25.
import { describe, expect, it } from "vitest";
import { Redactor } from "../../../../server/logs";
import { cleanLines } from "../../../../server/logs/write/clean-lines";
import { LineAssembler } from "../../../../server/logs/write/line-assembler";

const value = 'p@ss/w0rd "it\'s" €';
const redactor = Redactor.of([{ name: "db", value }]) as Redactor;

describe("shapes", () => {
  const base64 = (before: string) => Buffer.from(`${before}${value}zz`).toString("base64");
  it.each([
    ["as it is", `x ${value} y`],
    ["URL", `https://u:${encodeURIComponent(value)}@host/`],
    ["URL, lower case", encodeURIComponent(value).replace(/%../g, (hex) => hex.toLowerCase())],
    ["form", encodeURIComponent(value).replaceAll("%20", "+")],
    ["JSON", JSON.stringify({ value })],
    ["shell, single quotes", `'${value.replaceAll("'", `'\\''`)}'`],
    ["shell, as Python quotes", `'${value.replaceAll("'", `'"'"'`)}'`],
    ["shell, double quotes", `"${value.replace(/[\\"$`]/g, "\\$&")}"`],
    ["base64", base64("")],
    ["base64 after one byte", base64("a")],
    ["base64 after two bytes", base64("ab")],
  ])("%s", (_, text) => {
    const redacted = redactor.redactText(text);
    expect(redacted).toContain("<db>");
    expect(redacted).not.toContain("w0rd");
    expect(redacted.length).toBeLessThan(text.length);
  });

  it("of each line of eight bytes or more of a value of several", () => {
    const key = Redactor.of([{ name: "key", value: "-----BEGIN\nabcdefgh1234\nshort\n" }]);
    expect(key?.redactText("1 abcdefgh1234 2 short")).toBe("1 <key> 2 short");
  });
});

describe("searching", () => {
  it("is not done for values under six bytes, nor for none", () => {
    expect(Redactor.of([])).toBeNull();
    expect(Redactor.of([{ name: "short", value: "12345" }])).toBeNull();
  });

  it("finds values at both ends, next to each other and overlapping", () => {
    const two = Redactor.of([
      { name: "a", value: "abcdefgh" },
      { name: "b", value: "efghijkl" },
    ]) as Redactor;
    expect(two.redactText("abcdefgh")).toBe("<a>");
    expect(two.redactText("abcdefghabcdefgh efghijkl")).toBe("<a><a> <b>");
    expect(two.redactText("abcdefghijkl!")).toBe("<a>!");
    expect(two.redactText("abcdefg efghijk")).toBe("abcdefg efghijk");
  });

  it("prefers the longest of values that begin alike", () => {
    const both = Redactor.of([
      { name: "short", value: "prefix" },
      { name: "long", value: "prefix-and-more" },
    ]) as Redactor;
    expect(both.redactText("prefix-and-more prefix-and")).toBe("<long> <short>-and");
  });

  it("agrees with a plain search on random text", () => {
    let seed = 42;
    const next = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    const word = (length: number) => Array.from({ length }, () => "abc"[next(3)]).join("");
    for (let round = 0; round < 200; round += 1) {
      const hidden = word(6 + next(3));
      const text = word(400);
      const one = Redactor.of([{ name: "x", value: hidden }]) as Redactor;
      expect(one.redactText(text).includes("<x>")).toBe(text.includes(hidden));
      expect(one.redactText(text)).not.toContain(hidden);
    }
  });
});

describe("lines", () => {
  it("keep the character of their stream", () => {
    const one = Redactor.of([{ name: "x", value: "output" }]) as Redactor;
    const block = new LineAssembler("o".charCodeAt(0)).push(Buffer.from("utput\noutput\n"));
    expect(cleanLines(block, 1, one).bytes.toString()).toBe("output\no<x>\n");
  });

  it("too long to keep whole are not cut inside a value", () => {
    const hidden = "0123456789abcdef";
    const one = Redactor.of([{ name: "x", value: hidden }]) as Redactor;
    for (let before = 65_500; before < 65_545; before += 1) {
      const assembler = new LineAssembler(0, (line) => one.safeCut(line));
      const input = Buffer.from(`${".".repeat(before)}${hidden}${".".repeat(100)}\n`);
      let stored = "";
      for (const piece of [input.subarray(0, 60_000), input.subarray(60_000)]) {
        const block = cleanLines(assembler.push(piece), 0, one);
        stored += block.bytes.toString();
      }
      expect(stored.replaceAll("\n", "")).toBe(`${".".repeat(before)}<x>${".".repeat(100)}`);
    }
  });
});
