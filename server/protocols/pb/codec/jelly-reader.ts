/**
 * From banana to jelly values (protocol §2.3).
 *
 * Sharing (`reference`, `dereference`) is resolved by handing out the same value again. That costs
 * nothing here and may cost a lot where the value is walked: a few bytes can spell a tree of any size
 * or depth. So the size and depth of the tree *as walked* are counted, and bounded.
 */

import { decodeUtf8, spells } from "../../text";
import type { Banana } from "./banana";
import { BananaFloat } from "./banana";
import type { Jelly } from "./jelly";
import { Copied, Dictionary, JellyError, Local, Remote, Text, Tuple, UnknownForm } from "./jelly";

export interface JellyLimits {
  /** Forms within forms, shared ones counted wherever they stand. */
  readonly depth: number;
  /** Values in all, shared ones counted every time. */
  readonly values: number;
}

export const DEFAULT_JELLY_LIMITS: JellyLimits = { depth: 64, values: 1_000_000 };

interface Shared {
  readonly value: Jelly;
  /** Values in it, and forms within forms below it. */
  readonly size: number;
  readonly height: number;
}

/** Decodes one value; numbers of shared values are local to it. Throws `JellyError`. */
export function readJelly(form: Banana, limits: JellyLimits = DEFAULT_JELLY_LIMITS): Jelly {
  return new JellyReader(limits).read(form, 0);
}

class JellyReader {
  /** Null while the value is still being read: a value cannot hold itself. */
  readonly #shared = new Map<number, Shared | null>();
  #size = 0;
  #deepest = 0;

  constructor(readonly limits: JellyLimits) {}

  read(form: Banana, depth: number): Jelly {
    this.#grow(1, depth);
    if (form instanceof BananaFloat) return form.value;
    if (!Array.isArray(form)) return form;
    const head = form[0];
    if (!(head instanceof Uint8Array)) throw new JellyError("a form does not start with a word");

    // Told apart by the length of the word first: this runs for every value of every message.
    switch (head.length) {
      case 4:
        if (spells(head, "None")) return null;
        if (spells(head, "list")) return this.#items(form, depth);
        break;
      case 5:
        if (spells(head, "tuple")) return Tuple.from(this.#items(form, depth));
        if (spells(head, "local")) return new Local(objectNumber(form));
        break;
      case 6:
        if (spells(head, "remote")) return new Remote(objectNumber(form));
        break;
      case 7:
        if (spells(head, "unicode")) return readText(form);
        if (spells(head, "boolean")) return readBoolean(form);
        break;
      case 9:
        if (spells(head, "reference")) return this.#reference(form, depth);
        break;
      case 10:
        if (spells(head, "dictionary")) return this.#dictionary(form, depth);
        break;
      case 11:
        if (spells(head, "dereference")) return this.#dereference(form, depth);
        break;
      default:
        break;
    }
    // A dotted name with one state is a copied instance; all else is not for us.
    if (form.length === 2 && head.includes(DOT) && head.length <= MAX_CLASS_NAME) {
      return new Copied(decodeUtf8(head), this.read(form[1] as Banana, depth + 1));
    }
    return new UnknownForm(form);
  }

  #items(form: Banana[], depth: number): Jelly[] {
    const items: Jelly[] = new Array(form.length - 1);
    for (let index = 1; index < form.length; index++) {
      items[index - 1] = this.read(form[index] as Banana, depth + 1);
    }
    return items;
  }

  #dictionary(form: Banana[], depth: number): Dictionary {
    const entries: [Jelly, Jelly][] = new Array(form.length - 1);
    for (let index = 1; index < form.length; index++) {
      const pair = form[index];
      if (!Array.isArray(pair) || pair.length !== 2) {
        throw new JellyError("a dictionary holds something that is no pair");
      }
      entries[index - 1] = [
        this.read(pair[0] as Banana, depth + 1),
        this.read(pair[1] as Banana, depth + 1),
      ];
    }
    return new Dictionary(entries);
  }

  #reference(form: Banana[], depth: number): Jelly {
    const number = objectNumber(form, 3);
    if (this.#shared.has(number)) throw new JellyError("a reference number is used twice");
    this.#shared.set(number, null);
    const sizeBefore = this.#size;
    const deepestBefore = this.#deepest;
    this.#deepest = depth;
    const value = this.read(form[2] as Banana, depth + 1);
    this.#shared.set(number, {
      value,
      size: this.#size - sizeBefore,
      height: this.#deepest - depth,
    });
    this.#deepest = Math.max(this.#deepest, deepestBefore);
    return value;
  }

  #dereference(form: Banana[], depth: number): Jelly {
    const shared = this.#shared.get(objectNumber(form));
    if (shared === undefined) throw new JellyError("a dereference to nothing");
    if (shared === null) throw new JellyError("a value holds itself");
    this.#grow(shared.size, depth + shared.height);
    return shared.value;
  }

  #grow(size: number, depth: number): void {
    this.#size += size;
    if (this.#size > this.limits.values) throw new JellyError("a value holds too many values");
    if (depth > this.limits.depth) throw new JellyError("a value is nested too deep");
    if (depth > this.#deepest) this.#deepest = depth;
  }
}

const DOT = 0x2e;
const MAX_CLASS_NAME = 256;

function readText(form: Banana[]): Text {
  const bytes = form[1];
  if (form.length !== 2 || !(bytes instanceof Uint8Array)) {
    throw new JellyError("a malformed unicode form");
  }
  return new Text(bytes);
}

function readBoolean(form: Banana[]): boolean {
  const word = form[1];
  if (form.length === 2 && word instanceof Uint8Array) {
    if (spells(word, "true")) return true;
    if (spells(word, "false")) return false;
  }
  throw new JellyError("a malformed boolean form");
}

/** The number of `[word, number, …]`. */
function objectNumber(form: Banana[], length = 2): number {
  const number = form[1];
  if (form.length !== length || typeof number !== "number" || number < 0) {
    throw new JellyError("a form lacks its number");
  }
  return number;
}
