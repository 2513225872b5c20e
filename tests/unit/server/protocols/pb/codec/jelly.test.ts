// Guarantee: every jelly form of protocol §2.3 is read and written, shared values included, and a few
// bytes cannot unfold into a tree without bounds.
import { describe, expect, it } from "vitest";
import type { Banana, Jelly } from "../../../../../../server/protocols/pb/codec";
import {
  asNumber,
  asString,
  BananaDecoder,
  BananaFloat,
  BananaWriter,
  Copied,
  Dictionary,
  Float,
  failure,
  failureToJelly,
  JellyError,
  Local,
  Remote,
  readFailure,
  readJelly,
  Text,
  Tuple,
  UnknownForm,
  writeJelly,
} from "../../../../../../server/protocols/pb/codec";

type Spelled = string | number | BananaFloat | Uint8Array | Spelled[];

/** Banana with its strings written as strings. */
function form(value: Spelled): Banana {
  if (typeof value === "string") return new Uint8Array(Buffer.from(value));
  return Array.isArray(value) ? value.map(form) : value;
}

function written(value: Jelly): Banana {
  const writer = new BananaWriter({ usesVocabulary: true });
  writeJelly(writer, value);
  const decoder = new BananaDecoder();
  decoder.usesVocabulary = true;
  decoder.push(writer.take());
  return decoder.next() as Banana;
}

const forms: [string, Spelled, Jelly][] = [
  ["text", ["unicode", "é"], Text.of("é")],
  ["bytes", "raw", new Uint8Array(Buffer.from("raw"))],
  ["an integer", 5, 5],
  ["true", ["boolean", "true"], true],
  ["false", ["boolean", "false"], false],
  ["none", ["None"], null],
  ["a list", ["list", 1, ["None"]], [1, null]],
  ["a tuple", ["tuple", 1, ["tuple"]], new Tuple(1, new Tuple())],
  ["a dictionary", ["dictionary", [["unicode", "k"], 1]], new Dictionary([[Text.of("k"), 1]])],
  ["a remote", ["remote", 3], new Remote(3)],
  ["a local", ["local", 4], new Local(4)],
  ["a copied object", ["a.B", ["dictionary"]], new Copied("a.B", new Dictionary())],
  ["an unknown form", ["set", 1, 2], new UnknownForm([form("set"), 1, 2])],
];

describe("jelly", () => {
  it.each(forms)("reads and writes %s", (_, spelled, value) => {
    expect(readJelly(form(spelled))).toEqual(value);
    expect(written(value)).toEqual(form(spelled));
  });

  it("writes strings, plain objects, floats", () => {
    expect(written({ a: "x", left: undefined, out: [true] })).toEqual(
      form([
        "dictionary",
        [
          ["unicode", "a"],
          ["unicode", "x"],
        ],
        [
          ["unicode", "out"],
          ["list", ["boolean", "true"]],
        ],
      ]),
    );
    expect(written(1.5)).toEqual(new BananaFloat(1.5));
    expect(written(new Float(2))).toEqual(new BananaFloat(2));
    expect(readJelly(new BananaFloat(2))).toBe(2);
    expect(written(2n ** 70n)).toBe(2n ** 70n);
  });

  it("reads text and bytes where either is meant, and numbers of any kind", () => {
    expect(asString(Text.of("\ufeffmarked and longer than thirty-two bytes"))).toBe(
      "\ufeffmarked and longer than thirty-two bytes",
    );
    expect(asString(new Uint8Array([0x61, 0xff]))).toBe("a\ufffd");
    expect(asString(5)).toBeNull();
    expect(asNumber(2n ** 60n)).toBe(2 ** 60);
    expect(asNumber(true)).toBe(1);
    expect(asNumber("1")).toBeNull();
  });

  it("hands out the same value for a dereference, inside dictionaries too", () => {
    const value = readJelly(
      form([
        "dictionary",
        [
          ["unicode", "a"],
          ["reference", 1, ["dictionary", [["unicode", "x"], 1]]],
        ],
        [
          ["unicode", "b"],
          ["dereference", 1],
        ],
        [
          ["unicode", "c"],
          ["reference", 2, ["list", ["dereference", 1]]],
        ],
      ]),
    ) as Dictionary;
    expect(value.get("b")).toBe(value.get("a"));
    expect((value.get("c") as Jelly[])[0]).toBe(value.get("a"));
  });

  it.each<[string, Spelled]>([
    ["a dereference to nothing", ["dereference", 1]],
    ["a value that holds itself", ["reference", 1, ["list", ["dereference", 1]]]],
    ["a number used twice", ["list", ["reference", 1, ["list"]], ["reference", 1, ["list"]]]],
    ["a dictionary of no pairs", ["dictionary", 1]],
    ["a triple in a dictionary", ["dictionary", [1, 2, 3]]],
    ["a boolean that is neither", ["boolean", "maybe"]],
    ["text that is a number", ["unicode", 1]],
    ["a remote without a number", ["remote"]],
    ["a remote with a text", ["remote", "x"]],
    ["a list without a word", [1, 2]],
    ["an empty list", []],
  ])("refuses %s", (_, spelled) => {
    expect(() => readJelly(form(spelled))).toThrow(JellyError);
  });

  it("refuses a value that unfolds without bounds", () => {
    // Each level holds the former ten times: 10^9 values out of a few hundred bytes.
    const levels: Spelled[] = [["reference", 0, ["list", 1]]];
    for (let level = 1; level < 9; level++) {
      const tenfold = new Array<Spelled>(10).fill(["dereference", level - 1]);
      levels.push(["reference", level, ["list", ...tenfold]]);
    }
    expect(() => readJelly(form(["list", ...levels]))).toThrow(/too many values/);
  });

  it("refuses a value that unfolds too deep", () => {
    const levels: Spelled[] = [["reference", 0, ["list"]]];
    for (let level = 1; level < 100; level++) {
      levels.push(["reference", level, ["list", ["dereference", level - 1]]]);
    }
    expect(() => readJelly(form(["list", ...levels]))).toThrow(/too deep/);
  });

  it("does not overflow the stack on long lists and deep values", () => {
    const long = ["tuple", ...new Array<number>(500_000).fill(1)];
    expect((readJelly(form(long)) as Tuple).items).toHaveLength(500_000);
    const loop: Jelly[] = [];
    loop.push(loop);
    expect(() => written(loop)).toThrow(JellyError);
  });

  it("carries failures, and reads any nonsense in their place", () => {
    const sent = failure("builtins.OSError", "disk full");
    expect(readFailure(readJelly(written(failureToJelly(sent))))).toEqual(sent);
    expect(readFailure(null).message).toBe("an unreadable failure");
    const odd = readFailure(new Copied("x.Y", new Dictionary([["value", "v".repeat(100_000)]])));
    expect(odd.type).toBe("unknown");
    expect(odd.message.length).toBeLessThan(10_000);
  });
});
