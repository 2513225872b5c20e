/** What a worker says of itself (protocol §2.9), out of msgpack. */
import type { Said } from "../worker-facts";
import { asFields, asNumber, asString, type Value } from "./codec";

/** Worker information is a map with maps in it, no deeper. */
const DEPTH = 2;

export function saidOf(value: Value, depth = DEPTH): Said {
  const fields = asFields(value);
  if (fields !== null) {
    if (depth === 0) return null;
    return new Map(
      Array.from(fields, ([key, member]) => [key, saidOf(member, depth - 1)] as const),
    );
  }
  if (typeof value === "boolean") return value;
  return asString(value) ?? asNumber(value);
}
