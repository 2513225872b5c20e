/**
 * What one command has said, kept so that it can be said again: updates and the end, in order.
 *
 * The beginning is held in memory; what is more goes to a file that only we can read and whose name
 * is removed as soon as it is open, so that nothing is left behind however this process ends.
 */
import { randomUUID } from "node:crypto";
import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Update } from "./update";

/** Most commands say less, and never see the disk. */
const MEMORY_BYTES = 32 * 1024;
const { O_CREAT, O_EXCL, O_RDWR, O_NOFOLLOW } = constants;

/** The last thing that a command says. */
export interface End {
  readonly key: "end";
  readonly failure: string | null;
}

export type Said = Update | End;

const HEAD_BYTES = 8;

export class Spool {
  readonly #directory: string;
  #memory: Buffer[] = [];
  #memoryBytes = 0;
  #fileBytes = 0;
  #file: number | null = null;

  constructor(directory: string) {
    this.#directory = directory;
  }

  get bytes(): number {
    return this.#fileBytes + this.#memoryBytes;
  }

  /** @throws Error when the disk does not take it; the spool is of no use then. */
  append(said: readonly Said[]): void {
    for (const one of said) {
      for (const piece of encode(one)) {
        this.#memory.push(piece);
        this.#memoryBytes += piece.length;
      }
    }
    if (this.#memoryBytes > MEMORY_BYTES) this.#toDisk();
  }

  /** At most `length` bytes from `position` on; fewer only where the end is. */
  read(position: number, length: number): Buffer {
    const wanted = Math.min(length, this.bytes - position);
    if (position >= this.#fileBytes) {
      const from = position - this.#fileBytes;
      return Buffer.concat(this.#memory).subarray(from, from + wanted);
    }
    const block = Buffer.allocUnsafe(Math.min(wanted, this.#fileBytes - position));
    let got = 0;
    while (got < block.length) {
      const more = readSync(this.#file as number, block, got, block.length - got, position + got);
      if (more === 0) throw new Error("what was kept on disk is gone");
      got += more;
    }
    return block.length === wanted
      ? block
      : Buffer.concat([block, this.read(this.#fileBytes, wanted - block.length)]);
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
    this.#memory = [];
    this.#memoryBytes = 0;
    this.#fileBytes = 0;
  }

  #toDisk(): void {
    this.#file ??= openNameless(this.#directory);
    const block = Buffer.concat(this.#memory, this.#memoryBytes);
    for (let at = 0; at < block.length; ) {
      const place = this.#fileBytes + at;
      at += writeSync(this.#file, block, at, block.length - at, place);
    }
    this.#fileBytes += block.length;
    this.#memory = [];
    this.#memoryBytes = 0;
  }
}

function openNameless(directory: string): number {
  const path = join(directory, `.slipway-kept-${randomUUID()}`);
  const file = openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  unlinkSync(path);
  return file;
}

/** Lengths of head and text, the head in JSON, the text as it is. */
function encode(said: Said): Buffer[] {
  const { text, ...rest } = { text: NOTHING, ...said };
  const head = Buffer.from(JSON.stringify(rest));
  const lengths = Buffer.allocUnsafe(HEAD_BYTES);
  lengths.writeUInt32LE(head.length, 0);
  lengths.writeUInt32LE(text.length, 4);
  // The text may be a view of memory that is used again.
  return [lengths, head, Buffer.from(text)];
}

const NOTHING = new Uint8Array(0);
const BLOCK_BYTES = 256 * 1024;

/** Reads a spool from its beginning, also while it grows. */
export class SpoolReader {
  readonly #spool: Spool;
  #position = 0;
  #block: Buffer = Buffer.alloc(0);
  /** Of the block, taken already. */
  #at = 0;

  constructor(spool: Spool) {
    this.#spool = spool;
  }

  /** The next that was said, or null when there is no more yet. */
  next(): Said | null {
    if (!this.#has(HEAD_BYTES)) return null;
    const headLength = this.#block.readUInt32LE(this.#at);
    const textLength = this.#block.readUInt32LE(this.#at + 4);
    this.#has(HEAD_BYTES + headLength + textLength);
    const headAt = this.#at + HEAD_BYTES;
    const textAt = headAt + headLength;
    const head = JSON.parse(this.#block.toString("utf8", headAt, textAt)) as Said;
    const text = this.#block.subarray(textAt, textAt + textLength);
    this.#at = textAt + textLength;
    return isText(head) ? ({ ...head, text } as Said) : head;
  }

  /** So many bytes stand in the block from here on. */
  #has(bytes: number): boolean {
    const left = this.#block.length - this.#at;
    if (left >= bytes) return true;
    const from = this.#position + this.#at;
    if (this.#spool.bytes - from < bytes) return false;
    this.#position = from;
    this.#at = 0;
    this.#block = this.#spool.read(from, Math.max(bytes, BLOCK_BYTES));
    return true;
  }
}

function isText({ key }: Said): boolean {
  return key === "stdout" || key === "stderr" || key === "header" || key === "log";
}
