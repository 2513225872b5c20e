/** Whole lines, one after the other, and where each ends. */
export interface LineBlock {
  readonly bytes: Buffer;
  /** `ends[i]` is the offset after the newline of line i; meaningful below `count`. */
  readonly ends: Int32Array;
  readonly count: number;
}

export function byteLength(block: LineBlock): number {
  return block.count === 0 ? 0 : (block.ends[block.count - 1] ?? 0);
}

export function lineStart(block: LineBlock, index: number): number {
  return index === 0 ? 0 : (block.ends[index - 1] ?? 0);
}

/** How many lines from `first` on fit into `room` bytes. */
export function linesWithin(block: LineBlock, first: number, room: number): number {
  const limit = lineStart(block, first) + room;
  let low = first;
  let high = block.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((block.ends[middle] ?? 0) <= limit) low = middle + 1;
    else high = middle;
  }
  return low - first;
}

/** A block of its own memory: `count` lines from `first` on. */
export function copyLines(block: LineBlock, first: number, count: number): LineBlock {
  const start = lineStart(block, first);
  const end = lineStart(block, first + count);
  return {
    bytes: Buffer.from(block.bytes.subarray(start, end)),
    ends: block.ends.slice(first, first + count).map((offset) => offset - start),
    count,
  };
}

/** A block of one line, given without its newline. */
export function lineOf(prefix: number, text: string): LineBlock {
  const start = prefix === 0 ? "" : String.fromCharCode(prefix);
  const bytes = Buffer.from(`${start}${text}\n`);
  return { bytes, ends: Int32Array.of(bytes.length), count: 1 };
}
