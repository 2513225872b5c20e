/**
 * Msgpack encoder: one value in, one frame out, in the shortest forms, byte for byte like Python's.
 *
 * Text becomes `str` and bytes become `bin`, always: a Python peer tells them apart. A whole number
 * becomes an integer whatever its size, any other one a double; `Float` makes a whole one a double.
 */
import { encodeUtf8 } from "../../text";
import { Float, LIMITS, MsgpackError, type MsgpackLimits, Text, type Value } from "./value";

const FIRST_CAPACITY = 512;
const MAX_UINT64 = 2n ** 64n - 1n;
const MIN_INT64 = -(2n ** 63n);

/** Throws `MsgpackError` for what cannot be sent. */
export function encodeValue(value: Value, limits: MsgpackLimits = LIMITS): Uint8Array {
  const writer = new Writer(limits);
  writer.value(value, 0);
  return writer.taken();
}

class Writer {
  readonly #limits: MsgpackLimits;
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  constructor(limits: MsgpackLimits) {
    this.#limits = limits;
  }

  taken(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  value(value: Value, depth: number): void {
    if (value === null) this.#byte(0xc0);
    else if (typeof value === "boolean") this.#byte(value ? 0xc3 : 0xc2);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "bigint") this.#big(value);
    else if (typeof value === "string") this.#text(encodeUtf8(value));
    else if (value instanceof Text) this.#text(value.bytes);
    else if (value instanceof Uint8Array) this.#bin(value);
    else if (value instanceof Float) this.#float(value.value);
    else this.#container(value, depth);
  }

  #container(
    value: Exclude<Value, null | boolean | number | bigint | string>,
    depth: number,
  ): void {
    if (depth >= this.#limits.depth) throw new MsgpackError("values are nested too deep");
    if (Array.isArray(value)) {
      this.#count(value.length, 0x90, 0xdc);
      for (const item of value) this.value(item, depth + 1);
      return;
    }
    const entries = value instanceof Map ? [...value] : Object.entries(value);
    const there = entries.filter(([, member]) => member !== undefined);
    this.#count(there.length, 0x80, 0xde);
    for (const [key, member] of there) {
      this.#text(encodeUtf8(key));
      this.value(member, depth + 1);
    }
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value)) this.#float(value);
    else if (value >= 0) this.#unsigned(value);
    else this.#negative(value);
  }

  #unsigned(value: number): void {
    if (value < 0x80) this.#byte(value);
    else if (value < 0x100) this.#head(0xcc, 1, value);
    else if (value < 0x1_0000) this.#head(0xcd, 2, value);
    else if (value < 0x1_0000_0000) this.#head(0xce, 4, value);
    else this.#wide(0xcf, BigInt(value));
  }

  #negative(value: number): void {
    if (value >= -0x20) this.#byte(value + 0x100);
    else if (value >= -0x80) this.#head(0xd0, 1, value + 0x100);
    else if (value >= -0x8000) this.#head(0xd1, 2, value + 0x1_0000);
    else if (value >= -0x8000_0000) this.#head(0xd2, 4, value + 0x1_0000_0000);
    else this.#wide(0xd3, BigInt(value));
  }

  #big(value: bigint): void {
    if (value > MAX_UINT64 || value < MIN_INT64) throw new MsgpackError("a number is too large");
    if (Number.isSafeInteger(Number(value))) this.#number(Number(value));
    else this.#wide(value < 0n ? 0xd3 : 0xcf, value);
  }

  #wide(type: number, value: bigint): void {
    this.#reserve(9);
    this.#bytes[this.#length] = type;
    // The same bits whether read with or without a sign.
    this.#view.setBigUint64(this.#length + 1, BigInt.asUintN(64, value));
    this.#length += 9;
  }

  #float(value: number): void {
    this.#reserve(9);
    this.#bytes[this.#length] = 0xcb;
    this.#view.setFloat64(this.#length + 1, value);
    this.#length += 9;
  }

  #text(bytes: Uint8Array): void {
    if (bytes.length < 0x20) this.#byte(0xa0 | bytes.length);
    else this.#sized(bytes.length, 0xd9);
    this.#append(bytes);
  }

  #bin(bytes: Uint8Array): void {
    this.#sized(bytes.length, 0xc4);
    this.#append(bytes);
  }

  /** The head of a `str` or `bin`; `type` is the one with a length of one byte. */
  #sized(length: number, type: number): void {
    if (length < 0x100) this.#head(type, 1, length);
    else if (length < 0x1_0000) this.#head(type + 1, 2, length);
    else this.#head(type + 2, 4, length);
  }

  /** The head of an array or a map. */
  #count(count: number, fixed: number, wide: number): void {
    if (count < 0x10) this.#byte(fixed | count);
    else if (count < 0x1_0000) this.#head(wide, 2, count);
    else this.#head(wide + 1, 4, count);
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  #head(type: number, size: number, value: number): void {
    this.#reserve(1 + size);
    this.#bytes[this.#length++] = type;
    if (size === 1) this.#view.setUint8(this.#length, value);
    else if (size === 2) this.#view.setUint16(this.#length, value);
    else this.#view.setUint32(this.#length, value);
    this.#length += size;
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const { messageBytes } = this.#limits;
    if (needed > messageBytes) {
      throw new MsgpackError(
        `a message is longer than the ${messageBytes} bytes that a peer accepts`,
      );
    }
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, needed));
    grown.set(this.taken());
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
