// Guarantee: msgpack is read strictly and within bounds, written in the forms that Python peers expect,
// and both agree with another implementation.
import { Packr, Unpackr } from "msgpackr";
import { describe, expect, it } from "vitest";
import {
  decodeValue,
  encodeValue,
  Float,
  LIMITS,
  MsgpackError,
  readLines,
  readMessage,
  Text,
  type Value,
  writeFailure,
  writeLines,
  writeRequest,
  writeResponse,
} from "../../../../../../server/protocols/msgpack/codec";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytes = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
/** Text as a string and all else as it is, for comparing. */
function plain(value: Value): unknown {
  if (value instanceof Text) return value.toString();
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) {
    return new Map([...value].map(([key, member]) => [key, plain(member)]));
  }
  return value;
}

describe("the forms", () => {
  it.each<[string, Value, string]>([
    ["null", null, "c0"],
    ["false", false, "c2"],
    ["true", true, "c3"],
    ["a small number", 127, "7f"],
    ["a byte", 128, "cc80"],
    ["two bytes", 256, "cd0100"],
    ["four bytes", 65_536, "ce00010000"],
    ["a whole number above 2^32, still an integer", 2 ** 40, "cf0000010000000000"],
    ["-1", -1, "ff"],
    ["-32", -32, "e0"],
    ["-33", -33, "d0df"],
    ["-129", -129, "d1ff7f"],
    ["-32769", -32_769, "d2ffff7fff"],
    ["below -2^31", -(2 ** 40), "d3ffffff0000000000"],
    ["the largest integer", 2n ** 64n - 1n, "cfffffffffffffffff"],
    ["the smallest", -(2n ** 63n), "d38000000000000000"],
    ["a fraction", 1.5, "cb3ff8000000000000"],
    ["text", "é", "a2c3a9"],
    ["longer text", "x".repeat(32), `d920${"78".repeat(32)}`],
    ["bytes, which are no text", Uint8Array.of(1, 2), "c4020102"],
    ["an array", [1, null], "9201c0"],
    ["a map", { a: 1, b: [] }, "82a16101a16290"],
  ])("%s", (_, value, expected) => {
    const encoded = encodeValue(value);
    expect(hex(encoded)).toBe(expected);
    expect(hex(encodeValue(decodeValue(encoded)))).toBe(expected);
  });

  it("writes a whole number as a float when told to, and leaves out what is undefined", () => {
    expect(hex(encodeValue(new Float(2)))).toBe("cb4000000000000000");
    expect(hex(encodeValue({ a: undefined, b: 1 }))).toBe("81a16201");
  });

  it("writes valid UTF-8 whatever the string: a Python peer drops its connection otherwise", () => {
    expect(plain(decodeValue(encodeValue("a\ud800b")))).toBe("a\ufffdb");
  });

  it("reads every other form of a number, and single floats", () => {
    expect(decodeValue(bytes("cf 0000000000000005"))).toBe(5);
    expect(decodeValue(bytes("d3 ffffffffffffffff"))).toBe(-1);
    expect(decodeValue(bytes("ca 3fc00000"))).toBe(1.5);
  });

  it("gives views of the frame, not copies", () => {
    const frame = bytes("92 c403010203 a3616263");
    const [bin, text] = decodeValue(frame) as [Uint8Array, Text];
    expect(bin.buffer).toBe(frame.buffer);
    expect(text.bytes.buffer).toBe(frame.buffer);
    expect(Object.getPrototypeOf(bin)).toBe(Uint8Array.prototype);
  });

  it("keeps keys that mean something to JavaScript as they are", () => {
    const value = decodeValue(encodeValue(new Map<string, Value>([["__proto__", { x: 1 }]])));
    expect(value).toBeInstanceOf(Map);
    expect((value as Map<string, Value>).get("__proto__")).toBeInstanceOf(Map);
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  it("agrees with another implementation, both ways", () => {
    const value = {
      text: ["", "é".repeat(300), "x".repeat(70_000)],
      bin: new Uint8Array(70_000).fill(7),
      numbers: [0, 1, 127, 128, 255, 256, 65_535, 65_536, -1, -32, -33, -128, -129, 1.25],
      long: Array.from({ length: 70_000 }, (_, index) => index),
      map: Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`k${index}`, index])),
      nothing: null,
      yes: true,
    };
    const other = { useRecords: false, mapsAsObjects: true, variableMapSize: true } as const;
    const read = new Unpackr(other).unpack(encodeValue(value));
    expect({ ...read, bin: new Uint8Array(read.bin) }).toEqual(value);
    const written = new Packr(other).pack({ ...value, bin: Buffer.from(value.bin) });
    expect(hex(encodeValue(decodeValue(written)))).toBe(hex(encodeValue(value)));
  });
});

describe("what is refused", () => {
  it.each([
    ["nothing", ""],
    ["an extension", "d40100"],
    ["a timestamp", "d6ff00000000"],
    ["the one unused type", "c1"],
    ["a map with a number for a key", "810102"],
    ["a map with bytes for a key", "81c4016102"],
    ["something behind the value", "c0c0"],
    ["a text that ends too early", "a3 6162"],
    ["a length that ends too early", "da00"],
    ["an array of more than there is", "dd ffffffff c0"],
    ["a map of more than there is", "df ffffffff a161c0"],
    ["bytes of more than there are", "c6 ffffffff 00"],
    ["a number that ends too early", "cf000000"],
  ])("%s", (_, frame) => {
    expect(() => decodeValue(bytes(frame))).toThrow(MsgpackError);
  });

  it("refuses what is too deep, too long, or too much", () => {
    const nested = (levels: number) => new Uint8Array([...new Uint8Array(levels).fill(0x91), 0xc0]);
    expect(decodeValue(nested(LIMITS.depth))).toHaveLength(1);
    expect(() => decodeValue(nested(LIMITS.depth + 1))).toThrow("too deep");
    expect(() => decodeValue(nested(1_000_000))).toThrow("too deep");
    expect(() => decodeValue(new Uint8Array(9), { ...LIMITS, messageBytes: 8 })).toThrow(
      "too long",
    );
    const many = encodeValue([[1, 2], { a: 1 }]);
    expect(decodeValue(many, { ...LIMITS, elements: 6 })).toHaveLength(2);
    expect(() => decodeValue(many, { ...LIMITS, elements: 5 })).toThrow("too many");
  });

  it("does not send what is too large or goes round in a circle", () => {
    const circle: Value[] = [];
    circle.push(circle);
    expect(() => encodeValue(circle)).toThrow("too deep");
    expect(() => encodeValue(2n ** 64n)).toThrow("too large");
    expect(() => encodeValue("x".repeat(600), { ...LIMITS, messageBytes: 599 })).toThrow("longer");
  });
});

describe("messages", () => {
  it("reads what it writes", () => {
    const request = readMessage(writeRequest(3, "start_command", { command_id: "7" }));
    expect(request).toMatchObject({ kind: "request", sequence: 3, op: "start_command" });
    expect(request.kind === "request" && plain(request.fields.get("command_id") ?? null)).toBe("7");
    expect(readMessage(writeResponse(3, null))).toEqual({
      kind: "response",
      sequence: 3,
      result: null,
      failed: false,
    });
    const failure = readMessage(writeFailure(3, "no"));
    expect(failure).toMatchObject({ kind: "response", sequence: 3, failed: true });
  });

  it("sets aside maps that are no message, and refuses what is no map", () => {
    expect(readMessage(encodeValue({ op: "update" }))).toEqual({ kind: "stray" });
    expect(readMessage(encodeValue({ seq_number: 1 }))).toEqual({ kind: "stray" });
    for (const value of [
      [],
      "op",
      { op: 1, seq_number: 1 },
      { op: "x", seq_number: -1 },
      { op: "x", seq_number: 1.5 },
      { op: "x", seq_number: "1" },
      { op: "x", seq_number: 2n ** 60n },
    ]) {
      expect(() => readMessage(encodeValue(value))).toThrow(MsgpackError);
    }
  });

  it("takes the text out of lines", () => {
    const lines = decodeValue(encodeValue(writeLines("a\nb\n", [1, 3], [1_700_000_000, 1.5])));
    expect(Buffer.from(readLines(lines) ?? []).toString()).toBe("a\nb\n");
    expect(Buffer.from(readLines("bare") ?? []).toString()).toBe("bare");
    expect(readLines(null)).toBeNull();
    expect(readLines([])).toBeNull();
  });
});
