/**
 * What a msgpack frame of the protocol holds (protocol §3.2), as values.
 *
 * Decoding yields `null`, booleans, numbers (bigint beyond the safe integers), `Text`, `Uint8Array`,
 * arrays and maps with text keys. Encoding takes these and, for convenience, JavaScript strings (text),
 * plain objects (maps) and `undefined` members of such objects (left out). There are no other types:
 * the protocol uses no extensions, and no map here has keys that are not text.
 */
import { decodeUtf8, encodeUtf8, Text } from "../../text";

export { Text } from "../../text";

/** Writes a number as a float even when it is whole, for peers that tell `2` from `2.0`. */
export class Float {
  constructor(readonly value: number) {}
}

export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Text
  | Uint8Array
  | Float
  | readonly Value[]
  | ReadonlyMap<string, Value>
  | { readonly [key: string]: Value | undefined };

export type Fields = ReadonlyMap<string, Value>;

export interface MsgpackLimits {
  /** Bytes of one frame. */
  readonly messageBytes: number;
  /** Arrays and maps within each other. */
  readonly depth: number;
  /** Values of one frame, keys included. */
  readonly elements: number;
}

/** As large as a listing of some hundred thousand files needs. */
export const LIMITS: MsgpackLimits = {
  messageBytes: 16 * 1024 * 1024,
  depth: 32,
  elements: 1_000_000,
};

/** The bytes are no value of the protocol, or exceed a limit; or a value cannot be sent. */
export class MsgpackError extends Error {
  override readonly name = "MsgpackError";
}

/** Text or bytes as a string, anything else null. Old libraries send either where text is meant. */
export function asString(value: Value | undefined): string | null {
  if (typeof value === "string") return value;
  if (value instanceof Text) return value.toString();
  if (value instanceof Uint8Array) return decodeUtf8(value);
  return null;
}

/** Text or bytes as bytes, anything else null. The result may alias the frame. */
export function asBytes(value: Value | undefined): Uint8Array | null {
  if (value instanceof Uint8Array) return value;
  if (value instanceof Text) return value.bytes;
  if (typeof value === "string") return encodeUtf8(value);
  return null;
}

/** A number of any kind, booleans as 0 and 1, anything else null. Big ones lose their last digits. */
export function asNumber(value: Value | undefined): number | null {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value instanceof Float) return value.value;
  return null;
}

/** The items of an array, anything else null. */
export function asItems(value: Value | undefined): readonly Value[] | null {
  return Array.isArray(value) ? value : null;
}

/** A decoded map, anything else null. */
export function asFields(value: Value | undefined): Fields | null {
  return value instanceof Map ? value : null;
}
