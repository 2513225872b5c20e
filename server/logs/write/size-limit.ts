/**
 * What a log keeps when it grows too long (spec C-144, A-23): its first `maxSizeBytes`, then a
 * line that says so, and at the end its last `maxTailBytes` in whole lines, after a line that says
 * how much lies between.
 *
 *   WHOLE   every line is kept
 *   CUT     the beginning is full; lines go into a ring, from which the oldest fall out
 */
import type { LogLimits } from "./limits";
import { byteLength, copyLines, type LineBlock, lineStart, linesWithin } from "./line-block";

export class SizeLimit {
  readonly #limits: LogLimits;
  #keptBytes: number;
  #isCut = false;
  #ring: LineBlock[] = [];
  #ringBytes = 0;
  #droppedLines = 0;
  #droppedBytes = 0;

  constructor(limits: LogLimits, keptBytes: number) {
    this.#limits = limits;
    this.#keptBytes = keptBytes;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  /** Lines that fell out of the ring so far. */
  get droppedLines(): number {
    return this.#droppedLines;
  }

  /** How many of the block's lines belong to the beginning; the rest has been taken care of. */
  admit(block: LineBlock): number {
    if (this.#isCut) {
      this.#remember(copyLines(block, 0, block.count));
      return 0;
    }
    const bytes = byteLength(block);
    if (this.#keptBytes + bytes <= this.#limits.maxSizeBytes) {
      this.#keptBytes += bytes;
      return block.count;
    }
    this.#isCut = true;
    const kept = linesWithin(block, 0, this.#limits.maxSizeBytes - this.#keptBytes);
    this.#keptBytes += lineStart(block, kept);
    this.#remember(copyLines(block, kept, block.count - kept));
    return kept;
  }

  /** Said at once, where the beginning ends. */
  get cutNotice(): string {
    const { maxSizeBytes, maxTailBytes } = this.#limits;
    return `This log has reached its limit of ${inWords(maxSizeBytes)}. Of what follows, only the last ${inWords(maxTailBytes)} will be kept.`;
  }

  /** The end of a log that was cut: the notice is null when nothing is missing after all. */
  drain(): { readonly notice: string | null; readonly tail: readonly LineBlock[] } {
    this.#trim();
    const tail = this.#ring;
    this.#ring = [];
    this.#ringBytes = 0;
    const lines = this.#droppedLines;
    return {
      notice:
        lines === 0
          ? null
          : `${lines} ${lines === 1 ? "line" : "lines"} (${inWords(this.#droppedBytes)}) left out here.`,
      tail,
    };
  }

  #remember(block: LineBlock): void {
    if (block.count === 0) return;
    this.#ring.push(block);
    this.#ringBytes += byteLength(block);
    let first = this.#ring[0];
    while (first && this.#ringBytes - byteLength(first) >= this.#limits.maxTailBytes) {
      this.#ring.shift();
      this.#drop(first.count, byteLength(first));
      first = this.#ring[0];
    }
  }

  /** Whole blocks fall out while the log grows; at the end also single lines. */
  #trim(): void {
    const first = this.#ring[0];
    const excess = this.#ringBytes - this.#limits.maxTailBytes;
    if (!first || excess <= 0) return;
    let lines = linesWithin(first, 0, excess);
    if (lineStart(first, lines) < excess) lines += 1;
    this.#drop(lines, lineStart(first, lines));
    if (lines === first.count) this.#ring.shift();
    else this.#ring[0] = copyLines(first, lines, first.count - lines);
  }

  #drop(lines: number, bytes: number): void {
    this.#ringBytes -= bytes;
    this.#droppedLines += lines;
    this.#droppedBytes += bytes;
  }
}

function inWords(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number(value.toFixed(1))} ${units[unit]}`;
}
