/**
 * Strict and bounded msgpack decoder: one frame in, one value out.
 *
 * A frame lies in memory as a whole, so no count or length may claim more than is left of it, and
 * nothing is allocated on a peer's word. Byte strings and text are views of the frame.
 */
import { decodeUtf8 } from "../../text";
import { LIMITS, MsgpackError, type MsgpackLimits, Text, type Value } from "./value";

/** Throws `MsgpackError`, and nothing else. */
export function decodeValue(frame: Uint8Array, limits: MsgpackLimits = LIMITS): Value {
  const reader = new Reader(frame, limits);
  const value = reader.value(0);
  if (reader.left > 0) throw new MsgpackError("a frame goes on behind its value");
  return value;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #limits: MsgpackLimits;
  #offset = 0;
  #elements = 0;

  constructor(frame: Uint8Array, limits: MsgpackLimits) {
    if (frame.length > limits.messageBytes) throw new MsgpackError("a frame is too long");
    // A Node buffer would hand out Node buffers; values are plain arrays for every runtime.
    this.#bytes = new Uint8Array(frame.buffer, frame.byteOffset, frame.length);
    this.#view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    this.#limits = limits;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  value(depth: number): Value {
    const type = this.#type();
    if (type < 0x80) return type;
    if (type < 0x90) return this.#map(type & 0x0f, depth);
    if (type < 0xa0) return this.#array(type & 0x0f, depth);
    if (type < 0xc0) return new Text(this.#take(type & 0x1f));
    if (type >= 0xe0) return type - 0x100;
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#take(this.#unsigned(1 << (type - 0xc4)));
      case 0xca:
        return this.#view.getFloat32(this.#skip(4));
      case 0xcb:
        return this.#view.getFloat64(this.#skip(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#unsigned(1 << (type - 0xcc));
      case 0xcf:
        return narrow(this.#view.getBigUint64(this.#skip(8)));
      case 0xd0:
        return this.#view.getInt8(this.#skip(1));
      case 0xd1:
        return this.#view.getInt16(this.#skip(2));
      case 0xd2:
        return this.#view.getInt32(this.#skip(4));
      case 0xd3:
        return narrow(this.#view.getBigInt64(this.#skip(8)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#unsigned(type === 0xdc ? 2 : 4), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#unsigned(type === 0xde ? 2 : 4), depth);
      default:
        return new Text(this.#take(this.#textLength(type)));
    }
  }

  #array(count: number, depth: number): Value[] {
    this.#enter(count, depth);
    const items: Value[] = [];
    for (let index = 0; index < count; index++) items.push(this.value(depth + 1));
    return items;
  }

  /** Of a key that is there twice the last value counts, as everywhere. */
  #map(count: number, depth: number): Map<string, Value> {
    this.#enter(count * 2, depth);
    const fields = new Map<string, Value>();
    for (let index = 0; index < count; index++) {
      const key = decodeUtf8(this.#take(this.#keyLength()));
      fields.set(key, this.value(depth + 1));
    }
    return fields;
  }

  #enter(elements: number, depth: number): void {
    if (depth >= this.#limits.depth) throw new MsgpackError("values are nested too deep");
    // Each takes a byte at least.
    if (elements > this.left) throw new MsgpackError("a frame ends too early");
    this.#elements += elements;
    if (this.#elements > this.#limits.elements) {
      throw new MsgpackError("a frame has too many values");
    }
  }

  #type(): number {
    return this.#bytes[this.#skip(1)] as number;
  }

  #keyLength(): number {
    const type = this.#type();
    return type >= 0xa0 && type < 0xc0 ? type & 0x1f : this.#textLength(type);
  }

  #textLength(type: number): number {
    if (type === 0xd9 || type === 0xda || type === 0xdb) return this.#unsigned(1 << (type - 0xd9));
    throw new MsgpackError(`a value of type 0x${type.toString(16)} where none belongs`);
  }

  #unsigned(size: number): number {
    const at = this.#skip(size);
    if (size === 1) return this.#view.getUint8(at);
    return size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #take(length: number): Uint8Array {
    const at = this.#skip(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Steps over bytes and tells where they begin. */
  #skip(count: number): number {
    const at = this.#offset;
    if (count > this.left) throw new MsgpackError("a frame ends too early");
    this.#offset += count;
    return at;
  }
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
