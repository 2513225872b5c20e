/**
 * Collects lines into chunks of at most 64 KiB and 1,000 lines. A chunk that closes is compressed
 * at once, in libuv's threads, and never changes again.
 */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { MAX_CHUNK_BYTES, MAX_CHUNK_LINES } from "./limits";
import { type LineBlock, lineStart, linesWithin } from "./line-block";

export const METHOD_RAW = 0;
export const METHOD_GZIP = 1;

/** Below this a chunk is stored as it is. */
const MIN_COMPRESSED_BYTES = 256;
const FIRST_CAPACITY = 4 * 1024;

export interface Packed {
  readonly method: typeof METHOD_RAW | typeof METHOD_GZIP;
  readonly data: Buffer;
}

export interface Chunk {
  readonly firstLine: number;
  readonly lineCount: number;
  /** Stored bytes before compression: prefixes and newlines included. */
  readonly byteCount: number;
  /** Settles with what is stored; never rejects. */
  readonly packed: Promise<Packed>;
}

const gzipInThread = promisify<Buffer, { level: number; chunkSize: number }, Buffer>(gzip);

async function pack(bytes: Buffer): Promise<Packed> {
  const raw: Packed = { method: METHOD_RAW, data: bytes };
  if (bytes.length < MIN_COMPRESSED_BYTES) return raw;
  try {
    const data = await gzipInThread(bytes, { level: 1, chunkSize: 32 * 1024 });
    return data.length < bytes.length ? { method: METHOD_GZIP, data } : raw;
  } catch {
    // Out of memory in zlib: the lines matter more than their size.
    return raw;
  }
}

export class ChunkBuilder {
  #buffer: Buffer | null = null;
  #length = 0;
  #lines = 0;
  #nextLine: number;

  /** `nextLine`: the number of the next line, 0 in a new log. */
  constructor(nextLine: number) {
    this.#nextLine = nextLine;
  }

  /** Lines given so far, those of closed chunks included. */
  get lineCount(): number {
    return this.#nextLine + this.#lines;
  }

  get isEmpty(): boolean {
    return this.#lines === 0;
  }

  /** Copies the lines; chunks that are full go to `closed`, in order. */
  add(block: LineBlock, first: number, count: number, closed: (chunk: Chunk) => void): void {
    const last = first + count;
    let index = first;
    while (index < last) {
      const room = MAX_CHUNK_BYTES - this.#length;
      const fitting = Math.min(
        linesWithin(block, index, room),
        MAX_CHUNK_LINES - this.#lines,
        last - index,
      );
      if (fitting === 0) {
        closed(this.close() as Chunk);
        continue;
      }
      const start = lineStart(block, index);
      const end = lineStart(block, index + fitting);
      this.#reserve(this.#length + end - start).set(block.bytes.subarray(start, end), this.#length);
      this.#length += end - start;
      this.#lines += fitting;
      index += fitting;
    }
    if (this.#lines === MAX_CHUNK_LINES) closed(this.close() as Chunk);
  }

  /** The lines collected so far as a chunk, null when there are none. */
  close(): Chunk | null {
    if (!this.#buffer || this.#lines === 0) return null;
    const chunk: Chunk = {
      firstLine: this.#nextLine,
      lineCount: this.#lines,
      byteCount: this.#length,
      packed: pack(this.#buffer.subarray(0, this.#length)),
    };
    this.#nextLine += this.#lines;
    this.#buffer = null;
    this.#length = 0;
    this.#lines = 0;
    return chunk;
  }

  #reserve(length: number): Buffer {
    const old = this.#buffer;
    if (old && old.length >= length) return old;
    let capacity = old ? old.length * 2 : FIRST_CAPACITY;
    while (capacity < length) capacity *= 2;
    const grown = Buffer.allocUnsafeSlow(capacity);
    if (old) grown.set(old.subarray(0, this.#length));
    this.#buffer = grown;
    return grown;
  }
}
