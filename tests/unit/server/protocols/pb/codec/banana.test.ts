// Guarantee: banana decodes and encodes exactly as protocol §2.1 says, however the stream is cut,
// and refuses what exceeds a limit without allocating what a peer merely claims.
import { describe, expect, it } from "vitest";
import type { Banana } from "../../../../../../server/protocols/pb/codec";
import {
  BananaDecoder,
  BananaError,
  BananaFloat,
  BananaWriter,
  encodeBanana,
  STRANGER_LIMITS,
  TRUSTED_LIMITS,
} from "../../../../../../server/protocols/pb/codec";
import { sameBytes } from "../../../../../support/wire-captures";

function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

function text(value: string): Uint8Array {
  return new Uint8Array(Buffer.from(value));
}

function decodeAll(pieces: Iterable<Uint8Array>, limits = TRUSTED_LIMITS): Banana[] {
  const decoder = new BananaDecoder(limits);
  decoder.usesVocabulary = true;
  const elements: Banana[] = [];
  for (const piece of pieces) {
    decoder.push(piece);
    for (let next = decoder.next(); next !== undefined; next = decoder.next()) elements.push(next);
  }
  expect(decoder.isMidElement).toBe(false);
  return elements;
}

const vectors: [string, string, Banana][] = [
  ["a list of strings", "02 80 02 82 70 62 04 82 6e 6f 6e 65", [text("pb"), text("none")]],
  ["an integer", "06 81", 6],
  ["zero", "00 81", 0],
  ["a negative integer", "05 83", -5],
  ["the largest int", "7f 7f 7f 7f 07 81", 2 ** 31 - 1],
  ["the smallest int", "00 00 00 00 08 83", -(2 ** 31)],
  ["a long integer", "00 00 00 00 00 20 85", 2 ** 40],
  ["a long negative integer", "01 00 00 00 08 86", -(2 ** 31) - 1],
  ["a 64 bit integer", "7f 7f 7f 7f 7f 7f 7f 7f 7f 01 85", 2n ** 64n - 1n],
  ["a float", "84 3f f8 00 00 00 00 00 00", new BananaFloat(1.5)],
  ["a vocabulary word in a list", "02 80 13 87 06 81", [text("version"), 6]],
  ["nested and empty lists", "02 80 00 80 01 80 00 82", [[], [new Uint8Array(0)]]],
];

describe("banana", () => {
  it.each(vectors)("decodes and encodes %s", (_, hex, value) => {
    const wire = bytes(hex);
    expect(decodeAll([wire])).toEqual([value]);
    expect(decodeAll(Array.from(wire, (byte) => Uint8Array.of(byte)))).toEqual([value]);
    expect(encodeBanana(value, { usesVocabulary: true })).toEqual(wire);
  });

  it("substitutes words blindly, in user data as well, and only once agreed", () => {
    expect(encodeBanana(text("login"), { usesVocabulary: true })).toEqual(bytes("14 87"));
    expect(encodeBanana(text("login"), { usesVocabulary: false })).toEqual(
      bytes("05 82 6c 6f 67 69 6e"),
    );
    expect(encodeBanana(text("unicode"), { usesVocabulary: true })[1]).toBe(0x82);
    const writer = new BananaWriter({ usesVocabulary: true });
    writer.text("uncache");
    expect(writer.take()).toEqual(bytes("1f 87"));
    const decoder = new BananaDecoder();
    decoder.push(bytes("14 87"));
    expect(() => decoder.next()).toThrow(BananaError);
  });

  it("switches to the vocabulary from the very next element of the same chunk", () => {
    const decoder = new BananaDecoder();
    decoder.push(bytes("02 82 70 62 02 80 13 87 06 81"));
    expect(decoder.next()).toEqual(text("pb"));
    decoder.usesVocabulary = true;
    expect(decoder.next()).toEqual([text("version"), 6]);
  });

  it("takes numbers with needless zero digits", () => {
    expect(decodeAll([bytes("06 00 00 00 00 00 00 00 00 00 81")])).toEqual([6]);
  });

  it("carries a string of 655,360 bytes and refuses one more, both ways", () => {
    const whole = new Uint8Array(655_360).fill(120);
    const wire = encodeBanana(whole, { usesVocabulary: true });
    expect(sameBytes(decodeAll([wire])[0] as Uint8Array, whole)).toBe(true);
    const [joined] = decodeAll([wire.subarray(0, 70_000), wire.subarray(70_000)]);
    expect(sameBytes(joined as Uint8Array, whole)).toBe(true);
    expect(() => encodeBanana(new Uint8Array(655_361), { usesVocabulary: true })).toThrow(
      BananaError,
    );
    const decoder = new BananaDecoder();
    decoder.push(bytes("01 00 28 82"));
    expect(() => decoder.next()).toThrow(/too long/);
  });

  it.each([
    ["65 digits", "00".repeat(65)],
    ["a list of 655,361", "01 00 28 80"],
    ["a list of 2^70", "00 00 00 00 00 00 00 00 00 00 01 80"],
    ["a string of 2^70", "00 00 00 00 00 00 00 00 00 00 01 82"],
    ["nesting without end", "01 80".repeat(65)],
    ["an unknown type", "00 88"],
    ["word 0", "00 87"],
    ["word 32", "20 87"],
    ["a list without digits", "80"],
    ["a float with digits", "01 84"],
  ])("refuses %s", (_, hex) => {
    const decoder = new BananaDecoder();
    decoder.usesVocabulary = true;
    decoder.push(bytes(hex));
    expect(() => decoder.next()).toThrow(BananaError);
  });

  it("bounds a message as a whole: its bytes and its elements", () => {
    const long = new BananaDecoder(STRANGER_LIMITS);
    long.push(encodeBanana([new Uint8Array(8000), new Uint8Array(8000)], { usesVocabulary: true }));
    expect(long.next()).toBeDefined();
    long.push(
      encodeBanana([new Uint8Array(8000), new Uint8Array(8000), new Uint8Array(400)], {
        usesVocabulary: true,
      }),
    );
    expect(() => long.next()).toThrow(/too long/);
    const many = new BananaDecoder(STRANGER_LIMITS);
    many.push(
      encodeBanana(
        Array.from({ length: 6 }, () => new Array<Banana>(60).fill(1)),
        { usesVocabulary: true },
      ),
    );
    expect(() => many.next()).toThrow(/too many elements/);
  });

  it("yields an empty and a whole string as views without copying", () => {
    const wire = encodeBanana([text("hello")], { usesVocabulary: true });
    const decoder = new BananaDecoder();
    decoder.push(wire);
    const [view] = decoder.next() as [Uint8Array];
    expect(view.buffer).toBe(wire.buffer);
  });

  it("undoes a message that cannot be sent", () => {
    const writer = new BananaWriter({ usesVocabulary: true });
    writer.integer(1);
    expect(() =>
      writer.attempt(() => {
        writer.list(1);
        writer.bytes(new Uint8Array(700_000));
      }),
    ).toThrow(BananaError);
    writer.integer(2);
    expect(writer.take()).toEqual(bytes("01 81 02 81"));
  });
});
