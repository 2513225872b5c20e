/**
 * Turns the bytes of one stream into whole lines (spec C-141), without ever making a string.
 *
 * Where a terminal would go back over what it wrote, the text goes on in a new line: `\r\n`, a
 * lone `\r` with more to come, a run of backspaces, and the escapes that move the cursor to a
 * place (`ESC [ n ; n H`, `... f`), restore it (`ESC [ u`) or clear the screen (`ESC [ 2 J`).
 * Every other escape stays in the line.
 *
 * The states say what the last bytes may yet become:
 *
 *   TEXT        nothing special
 *   RETURN      a `\r` was read and not written: a newline, whether `\n` follows or not
 *   BACKSPACE   the run has become a newline already; further backspaces vanish
 *   ESCAPE .. SECOND   inside an escape, which is written as it is read; when it proves to be one
 *               that moves the cursor, the line is taken back to where the escape began
 *
 * A state outlives a call, so an escape or a `\r\n` split between two packets is one.
 */

import { MAX_LINE_BYTES } from "./limits";
import type { LineBlock } from "./line-block";

/** Callers hand over at most this much at once; it bounds the scratch memory below. */
export const MAX_PIECE_BYTES = 64 * 1024;

const TEXT = 0;
const RETURN = 1;
const BACKSPACE = 2;
const ESCAPE = 3;
const BRACKET = 4;
const FIRST = 5;
const SEMICOLON = 6;
const SECOND = 7;

/** A number in an escape longer than this is not a place on a screen. */
const MAX_DIGITS = 8;

// A line is in the making in one assembler at a time: all share the scratch memory. A byte of
// input gives at most two of output (newline and prefix).
const out = Buffer.allocUnsafeSlow(MAX_LINE_BYTES + 2 * MAX_PIECE_BYTES + 64);
const ends = new Int32Array(MAX_PIECE_BYTES + 8);
const NOTHING: LineBlock = { bytes: Buffer.alloc(0), ends: new Int32Array(0), count: 0 };

/**
 * Where a line too long may be cut: an offset in `line`, at most `line.length`. Lets redaction
 * keep a hidden value in one piece.
 */
export type SafeCut = (line: Buffer) => number;

export class LineAssembler {
  readonly #prefix: number;
  readonly #prefixLength: 0 | 1;
  readonly #safeCut: SafeCut | null;
  /** The unfinished line, with its prefix. */
  #held: Buffer;
  #heldLength: number;
  #state = TEXT;
  /** Offset of the escape in the unfinished line. */
  #escapeAt = 0;
  #digits = 0;
  #isTwo = false;

  /** `prefix`: the character before each line, 0 for none. */
  constructor(prefix: number, safeCut: SafeCut | null = null) {
    this.#prefix = prefix;
    this.#prefixLength = prefix === 0 ? 0 : 1;
    this.#safeCut = safeCut;
    this.#held = Buffer.alloc(128);
    this.#held[0] = prefix;
    this.#heldLength = this.#prefixLength;
  }

  /**
   * @param input at most `MAX_PIECE_BYTES`
   * @returns the lines that are whole now, in memory that the next call of any assembler reuses
   */
  push(input: Uint8Array): LineBlock {
    if (input.length > MAX_PIECE_BYTES) throw new RangeError("piece too long");
    const prefix = this.#prefix;
    const prefixLength = this.#prefixLength;
    out.set(this.#held.subarray(0, this.#heldLength));
    let at = this.#heldLength;
    let start = 0;
    let count = 0;
    let limit = MAX_LINE_BYTES - 1;
    let state = this.#state;
    let escapeAt = this.#escapeAt;

    const length = input.length;
    for (let index = 0; index < length; index += 1) {
      let byte = input[index] as number;
      if (state === TEXT) {
        // Most bytes are ordinary and have room: they need no more than this.
        const stop = index + Math.min(length - index, limit - at);
        while (byte >= 32 && index < stop) {
          out[at++] = byte;
          byte = input[++index] as number;
        }
        if (index === length) break;
      }
      let isNewline = false;
      if (state !== TEXT) {
        if (state === RETURN) {
          out[at++] = 10;
          ends[count++] = at;
          start = at;
          limit = start + MAX_LINE_BYTES - 1;
          if (prefixLength) out[at++] = prefix;
          state = TEXT;
          if (byte === 10) continue;
        } else if (state === BACKSPACE) {
          if (byte === 8) continue;
          state = TEXT;
        } else {
          state = this.#inEscape(state, byte);
          if (state < 0) {
            // It moved the cursor: the escape goes, the line ends where it began.
            at = start + escapeAt;
            isNewline = true;
            state = TEXT;
          }
        }
      }
      if (!isNewline && byte < 32 && state === TEXT) {
        if (byte === 10) isNewline = true;
        else if (byte === 13) {
          state = RETURN;
          continue;
        } else if (byte === 8) {
          isNewline = true;
          state = BACKSPACE;
        } else if (byte === 27) {
          state = ESCAPE;
          escapeAt = at - start;
        }
      }
      if (isNewline) {
        out[at++] = 10;
        ends[count++] = at;
        start = at;
        limit = start + MAX_LINE_BYTES - 1;
        if (prefixLength) out[at++] = prefix;
        continue;
      }
      if (at === limit) {
        const cut = this.#cutAt(start, at, byte);
        out.copyWithin(cut + 1 + prefixLength, cut, at);
        out[cut] = 10;
        if (prefixLength) out[cut + 1] = prefix;
        at += 1 + prefixLength;
        start = cut + 1;
        ends[count++] = start;
        limit = start + MAX_LINE_BYTES - 1;
        // An escape that lies across the cut stays as it is; the reader skips what it cannot use.
        if (state >= ESCAPE) {
          state = byte === 27 ? ESCAPE : TEXT;
          escapeAt = at - start;
        }
      }
      out[at++] = byte;
    }

    this.#state = state;
    this.#escapeAt = escapeAt;
    this.#hold(start, at);
    return count === 0 ? NOTHING : { bytes: out.subarray(0, start), ends, count };
  }

  /** The stream is over: an unfinished line gets its newline. */
  end(): LineBlock {
    const length = this.#heldLength;
    this.#state = TEXT;
    if (length === this.#prefixLength) return NOTHING;
    out.set(this.#held.subarray(0, length));
    out[length] = 10;
    ends[0] = length + 1;
    this.#heldLength = this.#prefixLength;
    return { bytes: out.subarray(0, length + 1), ends, count: 1 };
  }

  #hold(start: number, end: number): void {
    const length = end - start;
    if (length > this.#held.length) {
      this.#held = Buffer.alloc(Math.min(MAX_LINE_BYTES, length * 2));
    }
    out.copy(this.#held, 0, start, end);
    this.#heldLength = length;
  }

  /** The next state; -1 when the escape is complete and moves the cursor. */
  #inEscape(state: number, byte: number): number {
    const isDigit = byte >= 48 && byte <= 57;
    switch (state) {
      case ESCAPE:
        return byte === 91 ? BRACKET : TEXT;
      case BRACKET:
        if (byte === 117) return -1;
        if (!isDigit) return TEXT;
        this.#digits = 1;
        this.#isTwo = byte === 50;
        return FIRST;
      case FIRST:
        if (byte === 74 && this.#isTwo) return -1;
        if (byte === 59) return SEMICOLON;
        this.#isTwo = false;
        this.#digits += 1;
        return isDigit && this.#digits <= MAX_DIGITS ? FIRST : TEXT;
      case SEMICOLON:
        this.#digits = 1;
        return isDigit ? SECOND : TEXT;
      default:
        if (byte === 72 || byte === 102) return -1;
        this.#digits += 1;
        return isDigit && this.#digits <= MAX_DIGITS ? SECOND : TEXT;
    }
  }

  /** Not inside a character, and not inside what redaction must see whole. */
  #cutAt(start: number, end: number, next: number): number {
    let cut = end;
    if (this.#safeCut) {
      cut = start + this.#safeCut(out.subarray(start, end));
      if (cut <= start + this.#prefixLength) cut = end;
    }
    for (let back = 0; back < 3; back += 1) {
      const following = cut === end ? next : (out[cut] as number);
      if ((following & 0xc0) !== 0x80) return cut;
      cut -= 1;
    }
    return cut;
  }
}
