/**
 * One value in, one frame out, in the shortest forms, byte for byte like Python's: `msgpackr`, told
 * what the protocol means (decision 9).
 *
 * Text becomes `str` and bytes become `bin`, always: a Python peer tells them apart. A whole number
 * becomes an integer whatever its size, any other one a double; `Float` makes a whole one a double.
 */
import { addExtension, Packr } from "msgpackr/pack";
import { Float, LIMITS, MsgpackError, type MsgpackLimits, Text, type Value } from "./value";

const MAX_UINT64 = 2n ** 64n - 1n;
const MIN_INT64 = -(2n ** 63n);
const INT32 = 2 ** 31;
const UINT32 = 2 ** 32;

const packr = new Packr({ useRecords: false, variableMapSize: true });
// Data may have a member of that name.
Object.assign(packr, { useToJSON: false });

/** A whole number that needs eight bytes; `msgpackr` would make it a double. */
class Wide {
  constructor(readonly value: bigint) {}
}

/** Throws `MsgpackError` for what cannot be sent. */
export function encodeValue(value: Value, limits: MsgpackLimits = LIMITS): Uint8Array {
  const frame = packr.pack(new Sendable(limits).value(value, 0));
  if (frame.length > limits.messageBytes) throw tooLong(limits);
  return frame;
}

function tooLong({ messageBytes }: MsgpackLimits): MsgpackError {
  return new MsgpackError(`a message is longer than the ${messageBytes} bytes that a peer accepts`);
}

/** Refuses what cannot be sent before a byte is written, and copies only what has to change. */
class Sendable {
  readonly #limits: MsgpackLimits;
  /** At least so many bytes of text and `bin`. */
  #bytes = 0;

  constructor(limits: MsgpackLimits) {
    this.#limits = limits;
  }

  value(value: Value, depth: number): unknown {
    if (typeof value === "string") return this.#counted(value, value.length);
    if (typeof value === "number") return whole(value);
    if (typeof value === "bigint") return big(value);
    if (typeof value !== "object" || value === null) return value;
    // What is not whole is a double anyway, and written faster as a mere number.
    if (value instanceof Float) return Number.isInteger(value.value) ? value : value.value;
    if (value instanceof Text) return this.#counted(value, value.bytes.length);
    if (value instanceof Uint8Array) return this.#counted(value, value.length);
    if (depth >= this.#limits.depth) throw new MsgpackError("values are nested too deep");
    if (Array.isArray(value)) return this.#items(value, depth + 1);
    return value instanceof Map
      ? this.#members(value, value, depth + 1)
      : this.#members(value, Object.entries(value), depth + 1);
  }

  #items(items: readonly Value[], depth: number): readonly unknown[] {
    let copy: unknown[] | null = null;
    for (let index = 0; index < items.length; index++) {
      const item = items[index] as Value;
      const sent = this.value(item, depth);
      if (sent === item) continue;
      copy ??= [...items];
      copy[index] = sent;
    }
    return copy ?? items;
  }

  /** A copy is a map, which takes keys that mean something to JavaScript. */
  #members(source: object, members: Iterable<[string, Value | undefined]>, depth: number): object {
    const copy = new Map<string, unknown>();
    let isSame = true;
    for (const [key, member] of members) {
      this.#counted(key, key.length);
      const sent = member === undefined ? undefined : this.value(member, depth);
      if (sent !== undefined) copy.set(key, sent);
      isSame &&= sent === member && sent !== undefined;
    }
    return isSame ? source : copy;
  }

  #counted<T>(value: T, length: number): T {
    this.#bytes += length;
    if (this.#bytes > this.#limits.messageBytes) throw tooLong(this.#limits);
    return value;
  }
}

function whole(value: number): number | Wide {
  const fits = value < UINT32 && value >= -INT32;
  return fits || !Number.isSafeInteger(value) ? value : new Wide(BigInt(value));
}

function big(value: bigint): number | Wide {
  if (value > MAX_UINT64 || value < MIN_INT64) throw new MsgpackError("a number is too large");
  return Number.isSafeInteger(Number(value)) ? whole(Number(value)) : new Wide(value);
}

/** Where to write so many bytes, in the frame itself. */
type Allocate = (size: number) => { target: Uint8Array; targetView: DataView; position: number };

/**
 * Teaches `msgpackr` a form of msgpack's own, as it writes its byte strings: a `pack` that returns
 * nothing has written the value itself, and the type of an extension is never sent.
 */
function addForm<T>(Class: new (value: never) => T, write: (value: T, at: Allocate) => void): void {
  const pack = (value: T, allocate?: Allocate) => write(value, allocate as Allocate) as never;
  addExtension({ Class, type: 1, pack } as unknown as Parameters<typeof addExtension>[0]);
}

addForm(Wide, ({ value }: Wide, allocate) => {
  const { target, targetView, position } = allocate(9);
  target[position] = value < 0n ? 0xd3 : 0xcf;
  // The same bits whether read with or without a sign.
  targetView.setBigUint64(position + 1, BigInt.asUintN(64, value));
});

addForm(Float, ({ value }: Float, allocate) => {
  const { target, targetView, position } = allocate(9);
  target[position] = 0xcb;
  targetView.setFloat64(position + 1, value);
});

addForm(Text, ({ bytes }: Text, allocate) => {
  const { length } = bytes;
  const size = length < 0x20 ? 0 : length < 0x100 ? 1 : length < 0x1_0000 ? 2 : 4;
  const { target, targetView, position } = allocate(1 + size + length);
  target[position] = size === 0 ? 0xa0 | length : 0xd9 + (size >> 1);
  if (size === 1) target[position + 1] = length;
  else if (size === 2) targetView.setUint16(position + 1, length);
  else if (size === 4) targetView.setUint32(position + 1, length);
  target.set(bytes, position + 1 + size);
});
