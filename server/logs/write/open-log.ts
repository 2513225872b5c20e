/**
 * One log while it is written: bytes in, chunks out, in the order of arrival.
 *
 *   OPEN     takes bytes
 *   ENDED    `takeFinal` or `finish` was called: streams are ended, what is left is on its way
 *   LOST     fenced, conflicting or given up: bytes are dropped, every promise rejects with `error`
 *
 * Lines are numbered in the order in which they became whole, over all streams. Cleaning comes
 * before limits and numbering, so a line that is stored is never looked at again.
 */
import type { LogId } from "../../domain/ids";
import type { Redactor } from "../redact/redactor";
import { type Chunk, ChunkBuilder } from "./chunk-builder";
import { cleanLines } from "./clean-lines";
import { LogDiscardedError } from "./errors";
import { flushDelayMs, SMALL_CHUNK_BYTES } from "./flush-delay";
import { DEFAULT_LIMITS, type LogLimits, type LogStream, STREAM_PREFIX } from "./limits";
import { LineAssembler, MAX_PIECE_BYTES } from "./line-assembler";
import { type LineBlock, lineOf, lineStart } from "./line-block";
import { type PreparedChunks, prepare, type QueuedChunk } from "./prepared-chunks";
import { SizeLimit } from "./size-limit";
import type { LogCounts, LogFence, LogIdentity } from "./statement";

export interface OpenOptions {
  readonly limits?: LogLimits;
  readonly redactor?: Redactor | null;
  /** Carry on a log that another process began: what its row says is stored. */
  readonly resume?: Pick<LogCounts, "lineCount" | "byteCount">;
  /**
   * The same, when all of it is going to be given again from its first byte: lines that are stored
   * are counted and not stored again. Whatever makes lines of bytes must make the same ones.
   */
  readonly again?: Pick<LogCounts, "lineCount" | "byteCount">;
  /** Called once when the log is lost other than by `discard`. */
  readonly onLost?: (error: Error) => void;
}

/** What a log needs of its process's writer. */
export interface Writer {
  /** Unflushed bytes changed by so many. */
  weigh(bytes: number): void;
  /** Lines are waiting; `dueAt` may have come nearer. */
  wake(log: OpenLog): void;
  /** Back-pressure, or nothing when there is room. */
  pressure(log: OpenLog): void | Promise<void>;
  forget(log: OpenLog): void;
  now(): number;
}

interface FlushWaiter {
  readonly lines: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** More than this is written by us before the caller's own statement takes the rest. */
const MAX_FINAL_BYTES = 256 * 1024;

export class OpenLog {
  readonly identity: LogIdentity;
  readonly fence: LogFence;
  readonly #writer: Writer;
  readonly #redactor: Redactor | null;
  readonly #onLost: (error: Error) => void;
  readonly #limit: SizeLimit;
  readonly #prefixLength: 0 | 1;
  readonly #assemblers = new Map<LogStream, LineAssembler>();
  readonly #builder: ChunkBuilder;
  #waiters: FlushWaiter[] = [];
  /** Closed, not yet sent. */
  #queue: QueuedChunk[] = [];
  #byteCount: number;
  /** Lines that are stored already and yet to come again. */
  #toSkip: number;
  #cutAtLine: number | null = null;
  #storedLines: number;
  #inFlight = 0;
  #smallChunks = 0;
  #lastLineAt = Number.NEGATIVE_INFINITY;
  #isEnded = false;
  #isHeld = false;
  #error: Error | null = null;

  /** When its lines should be written; infinite when none wait. */
  dueAt = Number.POSITIVE_INFINITY;
  /** Stored size of what is not durable yet. */
  unflushedBytes = 0;
  /** Whether a row of this log is known to be in the database. */
  isRowWritten: boolean;

  /** Made by `LogWriter.open`. */
  constructor(identity: LogIdentity, fence: LogFence, writer: Writer, options: OpenOptions) {
    const { again, resume } = options;
    const { lineCount, byteCount } = again ?? resume ?? { lineCount: 0, byteCount: 0 };
    this.identity = identity;
    this.fence = fence;
    this.#writer = writer;
    this.#redactor = options.redactor ?? null;
    this.#onLost = options.onLost ?? (() => {});
    this.#limit = new SizeLimit(options.limits ?? DEFAULT_LIMITS, again ? 0 : byteCount);
    this.#prefixLength = identity.type === "s" ? 1 : 0;
    this.#builder = new ChunkBuilder(lineCount);
    this.#byteCount = byteCount;
    this.#storedLines = lineCount;
    this.#toSkip = again ? lineCount : 0;
    this.isRowWritten = again !== undefined || resume !== undefined;
  }

  get logId(): LogId {
    return this.identity.logId;
  }

  /** Why the log is lost, null while it is not. */
  get error(): Error | null {
    return this.#error;
  }

  /** Lines seen so far, durable or not. */
  get lineCount(): number {
    return this.#builder.lineCount;
  }

  /** Lines that are stored and did not come again yet; 0 but for a log that is given `again`. */
  get awaitedLines(): number {
    return this.#toSkip;
  }

  /** Lines that survive a crash. */
  get durableLineCount(): number {
    return this.#storedLines;
  }

  get isWritable(): boolean {
    return !this.#isHeld && !this.#error;
  }

  /** Closed chunks that could be written without making a small one. */
  get hasFullChunks(): boolean {
    return this.#queue.length > 0;
  }

  /**
   * Copies what it needs of `bytes` (UTF-8). A promise is back-pressure: feed nothing more until
   * it settles; it never rejects. On a log that is lost the bytes vanish.
   */
  append(stream: LogStream, bytes: Uint8Array): void | Promise<void> {
    if (this.#isEnded) throw new Error(`log ${this.logId} has ended`);
    if (this.#error) return;
    const assembler = this.#assembler(stream);
    for (let at = 0; at < bytes.length; at += MAX_PIECE_BYTES) {
      const piece =
        bytes.length <= MAX_PIECE_BYTES ? bytes : bytes.subarray(at, at + MAX_PIECE_BYTES);
      this.#take(assembler.push(piece));
    }
    return this.#writer.pressure(this);
  }

  /** Settles when all whole lines given so far are durable. */
  async flush(): Promise<void> {
    if (this.#error) throw this.#error;
    const lines = this.lineCount;
    if (this.#storedLines >= lines) return;
    await new Promise<void>((resolve, reject) => {
      this.#waiters.push({ lines, resolve, reject });
      this.dueAt = this.#writer.now();
      this.#writer.wake(this);
    });
  }

  /** Ends the streams and makes everything durable. The row, if there are lines, stays `open`. */
  async finish(): Promise<LogCounts> {
    this.#end();
    await this.flush();
    this.#writer.forget(this);
    return this.counts();
  }

  /**
   * Ends the streams and hands the last chunks to the caller, who stores them in a statement of
   * their own (`addFinalChunks`). At most 256 KiB; anything more has been written before.
   */
  async takeFinal(): Promise<PreparedChunks> {
    this.#end();
    if (this.unflushedBytes > MAX_FINAL_BYTES || this.#waiters.length > 0) await this.flush();
    this.#isHeld = true;
    while (this.#inFlight > 0 && !this.#error) await this.#settled();
    if (this.#error) throw this.#error;
    const rest = this.takeQueue();
    const prepared = await prepare(this.identity, this.isRowWritten, this.counts(), rest);
    this.#writer.weigh(-this.unflushedBytes);
    this.unflushedBytes = 0;
    this.#writer.forget(this);
    return prepared;
  }

  /** Gives up what is not durable: the process may not write any more, or the step is void. */
  discard(): void {
    this.#isEnded = true;
    this.lose(new LogDiscardedError(this.logId));
  }

  counts(): LogCounts {
    return {
      lineCount: this.lineCount,
      byteCount: this.#byteCount,
      cutLines: this.#limit.droppedLines,
      cutAtLine: this.#cutAtLine,
    };
  }

  // ------------------------------------------------------------------ for the writer

  /** Everything that waits, as chunks. */
  takeQueue(): QueuedChunk[] {
    this.#close();
    const queue = this.#queue;
    this.#queue = [];
    this.dueAt = Number.POSITIVE_INFINITY;
    return queue;
  }

  sent(chunks: number): void {
    this.#inFlight += chunks;
  }

  /** The chunks sent are durable. */
  stored(chunks: readonly QueuedChunk[]): void {
    this.isRowWritten = true;
    let bytes = 0;
    for (const { chunk } of chunks) {
      bytes += chunk.byteCount;
      this.#storedLines = chunk.firstLine + chunk.lineCount;
    }
    this.#inFlight -= chunks.length;
    this.unflushedBytes -= bytes;
    this.#writer.weigh(-bytes);
    const waiting = this.#waiters;
    this.#waiters = waiting.filter((waiter) => waiter.lines > this.#storedLines);
    for (const waiter of waiting) if (waiter.lines <= this.#storedLines) waiter.resolve();
  }

  lose(error: Error): void {
    if (this.#error) return;
    this.#error = error;
    this.#writer.weigh(-this.unflushedBytes);
    this.unflushedBytes = 0;
    this.#inFlight = 0;
    this.#queue = [];
    this.#assemblers.clear();
    this.dueAt = Number.POSITIVE_INFINITY;
    this.#writer.forget(this);
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) waiter.reject(error);
    if (!(error instanceof LogDiscardedError)) this.#onLost(error);
  }

  // ------------------------------------------------------------------ within

  #assembler(stream: LogStream): LineAssembler {
    const key = this.#prefixLength === 0 ? "stdout" : stream;
    let assembler = this.#assemblers.get(key);
    if (!assembler) {
      const redactor = this.#redactor;
      assembler = new LineAssembler(
        this.#prefixLength === 0 ? 0 : STREAM_PREFIX[stream],
        redactor ? (line) => redactor.safeCut(line) : null,
      );
      this.#assemblers.set(key, assembler);
    }
    return assembler;
  }

  #take(lines: LineBlock): void {
    if (lines.count === 0) return;
    const block = cleanLines(lines, this.#prefixLength, this.#redactor);
    const wasCut = this.#limit.isCut;
    const admitted = this.#limit.admit(block);
    this.#store(block, 0, admitted);
    if (!wasCut && this.#limit.isCut) {
      this.#cutAtLine = this.lineCount - this.#toSkip;
      this.#say(this.#limit.cutNotice);
    }
  }

  #store(block: LineBlock, from: number, given: number): void {
    const skipped = Math.min(this.#toSkip, given);
    this.#toSkip -= skipped;
    const [first, count] = [from + skipped, given - skipped];
    if (count === 0) return;
    const bytes = lineStart(block, first + count) - lineStart(block, first);
    const now = this.#writer.now();
    if (this.#builder.isEmpty && this.#queue.length === 0) {
      this.dueAt = now + flushDelayMs(this.#smallChunks, now - this.#lastLineAt);
    }
    this.#lastLineAt = now;
    this.#builder.add(block, first, count, (chunk) => {
      // What is full need not wait for more.
      this.dueAt = Math.min(this.dueAt, now + flushDelayMs(0, 0));
      this.#enqueue(chunk);
    });
    this.unflushedBytes += bytes;
    this.#writer.weigh(bytes);
    this.#writer.wake(this);
  }

  #enqueue(chunk: Chunk): void {
    this.#byteCount += chunk.byteCount - chunk.lineCount * this.#prefixLength;
    if (chunk.byteCount < SMALL_CHUNK_BYTES) this.#smallChunks += 1;
    else this.#smallChunks >>= 1;
    this.#queue.push({
      chunk,
      counts: {
        lineCount: chunk.firstLine + chunk.lineCount,
        byteCount: this.#byteCount,
        cutLines: this.#limit.droppedLines,
        cutAtLine: this.#cutAtLine,
      },
    });
  }

  #close(): void {
    const chunk = this.#builder.close();
    if (chunk) this.#enqueue(chunk);
  }

  #say(text: string): void {
    const line = lineOf(this.#prefixLength === 0 ? 0 : STREAM_PREFIX.header, text);
    this.#store(line, 0, 1);
  }

  #end(): void {
    if (this.#error) throw this.#error;
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const assembler of this.#assemblers.values()) this.#take(assembler.end());
    if (!this.#limit.isCut) return;
    const { notice, tail } = this.#limit.drain();
    if (notice) this.#say(notice);
    for (const block of tail) this.#store(block, 0, block.count);
  }

  /** Until the statement in flight has ended, well or badly. */
  async #settled(): Promise<void> {
    const lines = this.#storedLines + 1;
    await new Promise<void>((resolve) => {
      this.#waiters.push({ lines, resolve, reject: () => resolve() });
    });
  }
}
