/**
 * Jelly, the object forms inside banana lists (protocol §2.3), as values.
 *
 * Decoding yields exactly the members of `Jelly`; encoding takes them and, for convenience,
 * JavaScript strings (text), plain objects (dictionaries with text keys) and `undefined` members of
 * such objects (left out). Text stays bytes until somebody asks for a string, so that a long log is
 * never turned into strings on its way.
 */

import { decodeUtf8, encodeUtf8, Text } from "../../text";
import type { Banana } from "./banana";
import { BananaFloat } from "./banana";

/** `["unicode", <utf-8>]`. */
export { Text } from "../../text";

/** `["tuple", …]`, which peers tell from a list. */
export class Tuple {
  readonly items: readonly Jelly[];

  constructor(...items: readonly Jelly[]) {
    this.items = items;
  }

  /** Takes the array as it is; spreading a very long one would overflow the stack. */
  static from(items: readonly Jelly[]): Tuple {
    const tuple = new Tuple();
    (tuple as { items: readonly Jelly[] }).items = items;
    return tuple;
  }
}

/** `["dictionary", [k, v], …]` in the order of the wire. */
export class Dictionary {
  constructor(readonly entries: readonly (readonly [Jelly, Jelly])[] = []) {}

  /** The value under a text (or byte string) key; the last one when a key is there twice. */
  get(key: string): Jelly | undefined {
    for (let index = this.entries.length - 1; index >= 0; index--) {
      const entry = this.entries[index];
      if (entry !== undefined && asString(entry[0]) === key) return entry[1];
    }
    return undefined;
  }
}

/** `["remote", id]`: an object of the sender. Whoever receives it owes one `decref`. */
export class Remote {
  constructor(readonly id: number) {}
}

/** `["local", id]`: an object of the receiver, handed back. */
export class Local {
  constructor(readonly id: number) {}
}

/** `[<class name>, <state>]`: a copied object; failures are the only ones Buildbot sends. */
export class Copied {
  constructor(
    readonly className: string,
    readonly state: Jelly,
  ) {}
}

/** A form that no Buildbot call uses (`set`, `datetime`, …), kept as it came. */
export class UnknownForm {
  constructor(readonly form: readonly Banana[]) {}
}

/** Writes a number as a float even when it is whole, for peers that tell `2` from `2.0`. */
export const Float = BananaFloat;

export type Jelly =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | BananaFloat
  | Text
  | Tuple
  | Dictionary
  | Remote
  | Local
  | Copied
  | UnknownForm
  | readonly Jelly[]
  | { readonly [key: string]: Jelly | undefined };

/** The bananas are well formed and still mean nothing. */
export class JellyError extends Error {
  override readonly name = "JellyError";
}

/** Text or bytes as a string, anything else null. Peers send either where text is meant. */
export function asString(value: Jelly | undefined): string | null {
  if (typeof value === "string") return value;
  if (value instanceof Text) return value.toString();
  if (value instanceof Uint8Array) return decodeUtf8(value);
  return null;
}

/** Text or bytes as bytes, anything else null. The result may alias the receive buffer. */
export function asBytes(value: Jelly | undefined): Uint8Array | null {
  if (value instanceof Uint8Array) return value;
  if (value instanceof Text) return value.bytes;
  if (typeof value === "string") return encodeUtf8(value);
  return null;
}

/** A number of any kind, booleans as 0 and 1, anything else null. Big ones lose their last digits. */
export function asNumber(value: Jelly | undefined): number | null {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value instanceof BananaFloat) return value.value;
  return null;
}

/** The items of a list or a tuple, anything else null. */
export function asItems(value: Jelly | undefined): readonly Jelly[] | null {
  if (value instanceof Tuple) return value.items;
  return Array.isArray(value) ? value : null;
}
