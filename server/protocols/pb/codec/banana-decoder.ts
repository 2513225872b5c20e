/**
 * Incremental banana decoder (protocol §2.1).
 *
 * Bytes go in as they come, whole top-level elements come out. Every byte is looked at once, however
 * the stream is cut: the decoder keeps where it stands between two chunks as
 *
 *   digits    the element being read has some digits and no type byte yet; or
 *   payload   its type byte was read and a string or float still lacks bytes; and, around either,
 *   stack     the lists that are open, innermost last.
 *
 * A string that lies within one chunk is a view of it; one that spans chunks is copied once into a
 * buffer of its own. A claimed length is checked against the limits before anything is allocated.
 */
import type { Banana, BananaLimits } from "./banana";
import { BananaError, BananaFloat, BananaType, TRUSTED_LIMITS } from "./banana";
import { wordBytes } from "./vocabulary";

interface OpenList {
  readonly items: Banana[];
  readonly wanted: number;
}

/** Seven digits of seven bits stay below 2^53; from the eighth on a bigint takes over. */
const DIGITS_IN_A_NUMBER = 7;
const FLOAT_BYTES = 8;

export class BananaDecoder {
  /** Whether type 87 is allowed; switched on once dialect `pb` is agreed, from the next element. */
  usesVocabulary = false;
  limits: BananaLimits;

  #chunks: Uint8Array[] = [];
  #chunkIndex = 0;
  #offset = 0;
  #queuedBytes = 0;

  #digitCount = 0;
  #number = 0;
  #bigDigits: bigint | null = null;

  #payload: Uint8Array | null = null;
  #payloadFilled = 0;
  #payloadIsFloat = false;

  #stack: OpenList[] = [];
  #messageBytes = 0;
  #messageElements = 0;

  constructor(limits: BananaLimits = TRUSTED_LIMITS) {
    this.limits = limits;
  }

  /** Bytes pushed and not yet looked at. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether the stream would be cut in the middle of an element if it ended now. */
  get isMidElement(): boolean {
    return (
      this.#queuedBytes > 0 ||
      this.#digitCount > 0 ||
      this.#payload !== null ||
      this.#stack.length > 0
    );
  }

  /** Adds bytes. They must not change afterwards: strings decoded from them are views. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    // A Node buffer would hand out Node buffers; values are plain arrays for every runtime.
    this.#chunks.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    this.#queuedBytes += chunk.length;
  }

  /**
   * The next whole top-level element, or undefined when more bytes are needed.
   * Throws `BananaError`; the decoder is useless from then on.
   */
  next(): Banana | undefined {
    for (;;) {
      const element = this.#payload === null ? this.#readElement() : this.#readPayload();
      if (element === undefined) return undefined;
      if (element === OPENED) continue;
      const whole = this.#place(element);
      if (whole !== undefined) return whole;
    }
  }

  /** Puts an element where it belongs; returns the top-level element that it completed, if any. */
  #place(element: Banana): Banana | undefined {
    let finished: Banana = element;
    for (;;) {
      const list = this.#stack[this.#stack.length - 1];
      if (list === undefined) {
        this.#messageBytes = 0;
        this.#messageElements = 0;
        return finished;
      }
      list.items.push(finished);
      if (list.items.length < list.wanted) return undefined;
      this.#stack.pop();
      finished = list.items;
    }
  }

  /** Reads digits and the type byte. */
  #readElement(): Banana | typeof OPENED | undefined {
    for (;;) {
      const chunk = this.#chunks[this.#chunkIndex];
      if (chunk === undefined) return undefined;
      const start = this.#offset;
      let offset = start;
      while (offset < chunk.length) {
        const byte = chunk[offset++] as number;
        if (byte >= 0x80) {
          this.#consume(offset - start);
          return this.#finishElement(byte);
        }
        this.#addDigit(byte);
      }
      this.#consume(offset - start);
    }
  }

  #addDigit(digit: number): void {
    const place = this.#digitCount++;
    if (place >= this.limits.digits) throw new BananaError("a number has too many digits");
    if (place < DIGITS_IN_A_NUMBER) this.#number += digit * 2 ** (7 * place);
    else if (digit !== 0) {
      this.#bigDigits =
        (this.#bigDigits ?? BigInt(this.#number)) + (BigInt(digit) << BigInt(7 * place));
    }
  }

  #finishElement(type: number): Banana | typeof OPENED | undefined {
    const { limits } = this;
    this.#messageBytes += this.#digitCount + 1;
    if (++this.#messageElements > limits.messageElements) {
      throw new BananaError("a message has too many elements");
    }
    const digitCount = this.#digitCount;
    const number = this.#number;
    const big = this.#bigDigits;
    this.#digitCount = 0;
    this.#number = 0;
    this.#bigDigits = null;
    if (this.#messageBytes > limits.messageBytes) throw new BananaError("a message is too long");

    if (type === BananaType.float) {
      if (digitCount !== 0) throw new BananaError("a float has digits");
      return this.#startPayload(FLOAT_BYTES, true);
    }
    if (digitCount === 0) throw new BananaError("an element has no digits");
    switch (type) {
      case BananaType.string:
        if (big !== null || number > limits.stringBytes) {
          throw new BananaError("a string is too long");
        }
        return this.#startPayload(number, false);
      case BananaType.list:
        if (big !== null || number > limits.listElements) {
          throw new BananaError("a list has too many elements");
        }
        if (number === 0) return [];
        if (this.#stack.length >= limits.depth) throw new BananaError("lists are nested too deep");
        this.#stack.push({ items: [], wanted: number });
        return OPENED;
      case BananaType.int:
      case BananaType.longInt:
        return big === null ? number : narrow(big);
      case BananaType.negative:
      case BananaType.longNegative:
        // `0 - n` rather than `-n`: there is no negative zero on the wire.
        return big === null ? 0 - number : narrow(-big);
      case BananaType.word: {
        const word = this.usesVocabulary && big === null ? wordBytes(number) : undefined;
        if (word === undefined) throw new BananaError("unknown vocabulary word");
        return word;
      }
      default:
        throw new BananaError(`unknown type byte 0x${type.toString(16)}`);
    }
  }

  #startPayload(length: number, isFloat: boolean): Banana | undefined {
    this.#messageBytes += length;
    if (this.#messageBytes > this.limits.messageBytes) {
      throw new BananaError("a message is too long");
    }
    const chunk = this.#chunks[this.#chunkIndex];
    if (length === 0) return EMPTY;
    if (chunk !== undefined && chunk.length - this.#offset >= length) {
      const view = chunk.subarray(this.#offset, this.#offset + length);
      this.#consume(length);
      return isFloat ? readFloat(view) : view;
    }
    this.#payload = new Uint8Array(length);
    this.#payloadFilled = 0;
    this.#payloadIsFloat = isFloat;
    return this.#readPayload();
  }

  #readPayload(): Banana | undefined {
    const payload = this.#payload as Uint8Array;
    while (this.#payloadFilled < payload.length) {
      const chunk = this.#chunks[this.#chunkIndex];
      if (chunk === undefined) return undefined;
      const count = Math.min(payload.length - this.#payloadFilled, chunk.length - this.#offset);
      payload.set(chunk.subarray(this.#offset, this.#offset + count), this.#payloadFilled);
      this.#payloadFilled += count;
      this.#consume(count);
    }
    this.#payload = null;
    return this.#payloadIsFloat ? readFloat(payload) : payload;
  }

  /** Steps over bytes of the current chunk and lets go of it when it is used up. */
  #consume(count: number): void {
    this.#offset += count;
    this.#queuedBytes -= count;
    if (this.#offset < (this.#chunks[this.#chunkIndex] as Uint8Array).length) return;
    this.#offset = 0;
    this.#chunkIndex++;
    // Usually one chunk is queued at a time; after a pause, compact only now and then.
    if (this.#chunkIndex === this.#chunks.length) {
      this.#chunks.length = 0;
      this.#chunkIndex = 0;
    } else if (this.#chunkIndex >= 64) {
      this.#chunks.splice(0, this.#chunkIndex);
      this.#chunkIndex = 0;
    }
  }
}

/** A list was opened: go on with its first element. */
const OPENED = Symbol("opened");
const EMPTY = new Uint8Array(0);

function readFloat(bytes: Uint8Array): BananaFloat {
  return new BananaFloat(
    new DataView(bytes.buffer, bytes.byteOffset, FLOAT_BYTES).getFloat64(0, false),
  );
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
