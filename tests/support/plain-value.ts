import { Text, type Value } from "../../server/protocols/msgpack/codec";

/** A decoded value as JavaScript's own: strings, plain objects, arrays. */
export function plainValue(value: Value | undefined): unknown {
  if (value instanceof Text) return value.toString();
  if (Array.isArray(value)) return value.map(plainValue);
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, member]) => [key, plainValue(member)]));
  }
  return value;
}
