/**
 * Banana writer (protocol §2.1): elements are appended to one growing buffer, which is taken whole
 * when it goes to the socket.
 *
 * A value that a real peer would refuse (a string over 640 KiB, say) throws `BananaError` instead of
 * being sent. `attempt` undoes what was written of a message that turned out to be such.
 */

import { encodeUtf8, encodeUtf8Into } from "../../text";
import type { Banana } from "./banana";
import {
  BananaError,
  BananaFloat,
  BananaType,
  PEER_MAX_DIGITS,
  PEER_MAX_LIST_ELEMENTS,
  PEER_MAX_STRING_BYTES,
} from "./banana";
import { wordNumber, wordNumberOfBytes } from "./vocabulary";

const FIRST_CAPACITY = 1024;
const MAX_INT = 2 ** 31 - 1;
const MIN_INT = -(2 ** 31);

export class BananaWriter {
  /** Whether words are sent as numbers; switched on once dialect `pb` is agreed. */
  usesVocabulary: boolean;
  #buffer = new Uint8Array(0);
  #length = 0;

  constructor(options: { readonly usesVocabulary: boolean }) {
    this.usesVocabulary = options.usesVocabulary;
  }

  /** Bytes written and not yet taken. */
  get length(): number {
    return this.#length;
  }

  /** All that was written since the last take. The array is the caller's from now on. */
  take(): Uint8Array {
    const bytes = this.#buffer.subarray(0, this.#length);
    this.#buffer = new Uint8Array(0);
    this.#length = 0;
    return bytes;
  }

  /** Runs `write`; if it throws, nothing of what it wrote remains. */
  attempt(write: () => void): void {
    const mark = this.#length;
    try {
      write();
    } catch (error) {
      this.#length = mark;
      throw error;
    }
  }

  /** Opens a list of exactly `count` elements, which must be written next. */
  list(count: number): void {
    if (count > PEER_MAX_LIST_ELEMENTS) throw new BananaError("a list has too many elements");
    this.#head(count, BananaType.list);
  }

  integer(value: number | bigint): void {
    if (typeof value === "number" && Number.isSafeInteger(value)) {
      if (value > MAX_INT) this.#head(value, BananaType.longInt);
      else if (value >= 0) this.#head(value, BananaType.int);
      else if (value >= MIN_INT) this.#head(-value, BananaType.negative);
      else this.#head(-value, BananaType.longNegative);
      return;
    }
    if (typeof value === "number") throw new BananaError("not an integer");
    if (value >= MIN_INT && value <= MAX_INT) this.integer(Number(value));
    else this.#bigHead(value);
  }

  float(value: number): void {
    this.#reserve(9);
    this.#buffer[this.#length++] = BananaType.float;
    new DataView(this.#buffer.buffer).setFloat64(this.#length, value, false);
    this.#length += 8;
  }

  bytes(bytes: Uint8Array): void {
    const number = this.usesVocabulary ? wordNumberOfBytes(bytes) : undefined;
    if (number !== undefined) {
      this.#head(number, BananaType.word);
      return;
    }
    this.#stringHead(bytes.length);
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A string element holding the UTF-8 of `text`. */
  text(text: string): void {
    const number = this.usesVocabulary ? wordNumber(text) : undefined;
    if (number !== undefined) {
      this.#head(number, BananaType.word);
      return;
    }
    if (text.length > 40) {
      this.bytes(encodeUtf8(text));
      return;
    }
    // At most 120 bytes, so one digit: written in place, without an array of its own.
    this.#reserve(2 + text.length * 3);
    const size = encodeUtf8Into(text, this.#buffer.subarray(this.#length + 2));
    this.#buffer[this.#length] = size;
    this.#buffer[this.#length + 1] = BananaType.string;
    this.#length += 2 + size;
  }

  /** Any decoded value. */
  value(value: Banana): void {
    if (typeof value === "number" || typeof value === "bigint") this.integer(value);
    else if (value instanceof Uint8Array) this.bytes(value);
    else if (value instanceof BananaFloat) this.float(value.value);
    else {
      this.list(value.length);
      for (const item of value) this.value(item);
    }
  }

  #stringHead(length: number): void {
    if (length > PEER_MAX_STRING_BYTES) {
      throw new BananaError(`a string of ${length} bytes is longer than a peer accepts`);
    }
    this.#head(length, BananaType.string);
  }

  /** Digits of a value from 0 to 2^53 - 1, least significant first, and the type byte. */
  #head(value: number, type: number): void {
    this.#reserve(9);
    let rest = value;
    do {
      this.#buffer[this.#length++] = rest % 128;
      rest = Math.floor(rest / 128);
    } while (rest > 0);
    this.#buffer[this.#length++] = type;
  }

  #bigHead(value: bigint): void {
    let rest = value < 0n ? -value : value;
    const digits: number[] = [];
    while (rest > 0n) {
      digits.push(Number(rest & 0x7fn));
      rest >>= 7n;
    }
    if (digits.length > PEER_MAX_DIGITS) throw new BananaError("a number has too many digits");
    this.#reserve(digits.length + 1);
    for (const digit of digits) this.#buffer[this.#length++] = digit;
    this.#buffer[this.#length++] = value < 0n ? BananaType.longNegative : BananaType.longInt;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(FIRST_CAPACITY, this.#buffer.length * 2, needed));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}

/** One value as bytes. */
export function encodeBanana(
  value: Banana,
  options: { readonly usesVocabulary: boolean },
): Uint8Array {
  const writer = new BananaWriter(options);
  writer.value(value);
  return writer.take();
}
