/**
 * One stream of a command's output, cut into whole lines of valid UTF-8 (protocol §5.1).
 *
 * Bytes go in as they were read, whole lines come out at once; what follows the last line end waits.
 * So a character never straddles two pieces, and a text is looked at as bytes only.
 *
 * What a terminal would take for a new place on the screen ends a line, as with Buildbot: `\r\n`, a
 * run of `\r` with something behind it, cursor moves, clearing the screen, runs of backspace. A
 * sequence that is cut by the end of a read waits for its rest.
 *
 * A line longer than `MAX_LINE_BYTES` is cut, and nothing of it is lost.
 */
import { isUtf8 } from "node:buffer";

/** A little under the 64 KiB that a Buildbot master keeps of one line. */
export const MAX_LINE_BYTES = 64_000;

const LF = 0x0a;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const NEW_PLACE = /\r+\n?|\x08+|\x1b\[(?:u|2J|\d{1,4};\d{1,4}[Hf])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNFINISHED_PLACE = /(?:\r|\x08|\x1b(?:\[\d{0,4}(?:;\d{0,4})?)?)$/;
const LONGEST_UNFINISHED = 11;
const NEWLINE = Buffer.from("\n");

export class LineSplitter {
  #line: Buffer[] = [];
  #lineBytes = 0;
  #unfinishedPlace: Buffer | null = null;

  /** Whole lines that `chunk` completes, or null. The result may alias `chunk`. */
  push(chunk: Buffer): Buffer | null {
    const text = this.#movesToLineEnds(chunk);
    const last = text.lastIndexOf(LF);
    if (last < 0) {
      this.#keep(text);
      return this.#lineBytes > MAX_LINE_BYTES ? this.#cutKept() : null;
    }
    const whole = this.#takeKept(text.subarray(0, last + 1));
    if (last + 1 < text.length) this.#keep(text.subarray(last + 1));
    return toUtf8(cutLongLines(whole));
  }

  /** The unfinished last line, with the newline it lacks, or null. */
  end(): Buffer | null {
    const place = this.#unfinishedPlace;
    this.#unfinishedPlace = null;
    const isMove = place !== null && place[0] !== 0x1b;
    if (this.#lineBytes === 0 && (place === null || isMove)) return null;
    const rest = place === null || isMove ? NEWLINE : Buffer.concat([place, NEWLINE]);
    return toUtf8(cutLongLines(this.#takeKept(rest)));
  }

  #movesToLineEnds(chunk: Buffer): Buffer {
    const place = this.#unfinishedPlace;
    if (place === null && !chunk.includes(0x0d) && !chunk.includes(0x1b) && !chunk.includes(0x08)) {
      return chunk;
    }
    this.#unfinishedPlace = null;
    // Latin-1 maps bytes to characters one to one, so bytes can be searched by pattern.
    let text = (place === null ? chunk : Buffer.concat([place, chunk])).toString("latin1");
    const unfinished = UNFINISHED_PLACE.exec(text.slice(-LONGEST_UNFINISHED))?.[0];
    if (unfinished !== undefined) {
      this.#unfinishedPlace = Buffer.from(unfinished, "latin1");
      text = text.slice(0, runStart(text, text.length - unfinished.length));
    }
    return Buffer.from(text.replace(NEW_PLACE, "\n"), "latin1");
  }

  #keep(text: Buffer): void {
    if (text.length === 0) return;
    this.#line.push(text);
    this.#lineBytes += text.length;
  }

  #takeKept(rest: Buffer): Buffer {
    if (this.#lineBytes === 0) return rest;
    const whole = Buffer.concat([...this.#line, rest]);
    this.#line = [];
    this.#lineBytes = 0;
    return whole;
  }

  /** Whole pieces of a line that has become too long; its end waits on. */
  #cutKept(): Buffer {
    const line = this.#takeKept(Buffer.alloc(0));
    const pieces: Buffer[] = [];
    let start = 0;
    while (line.length - start > MAX_LINE_BYTES) {
      const end = characterStart(line, start + MAX_LINE_BYTES);
      pieces.push(line.subarray(start, end), NEWLINE);
      start = end;
    }
    this.#keep(line.subarray(start));
    return toUtf8(Buffer.concat(pieces));
  }
}

/** Where the run of one character begins that `index` is in: a run of any length is one move. */
function runStart(text: string, index: number): number {
  let start = index;
  while (start > 0 && text[index] !== "\x1b" && text[start - 1] === text[index]) start--;
  return start;
}

/** `lines` with line ends put into lines that are too long. */
function cutLongLines(lines: Buffer): Buffer {
  if (lines.length <= MAX_LINE_BYTES) return lines;
  const pieces: Buffer[] = [];
  let kept = 0;
  let start = 0;
  // Looking back from the furthest place a line may end at finds a line end with few steps.
  while (lines.length - start > MAX_LINE_BYTES + 1) {
    const found = lines.subarray(start, start + MAX_LINE_BYTES + 1).lastIndexOf(LF);
    if (found >= 0) {
      start += found + 1;
      continue;
    }
    start = characterStart(lines, start + MAX_LINE_BYTES);
    pieces.push(lines.subarray(kept, start), NEWLINE);
    kept = start;
  }
  return kept === 0 ? lines : Buffer.concat([...pieces, lines.subarray(kept)]);
}

/** The last place at or before `index` where a character starts; bad UTF-8 is cut anywhere. */
export function characterStart(bytes: Uint8Array, index: number): number {
  for (let place = index; place > index - 4; place--) {
    if (((bytes[place] ?? 0) & 0xc0) !== 0x80) return place;
  }
  return index;
}

function toUtf8(bytes: Buffer): Buffer {
  return isUtf8(bytes) ? bytes : Buffer.from(bytes.toString("utf8"), "utf8");
}
