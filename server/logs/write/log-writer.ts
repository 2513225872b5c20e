/**
 * Writes all logs of a process: one statement at a time, each with the lines of every log that is
 * due. Lines wait 50 ms for company (`flush-delay.ts`); a mebibyte waits for nobody.
 *
 * While PostgreSQL is away the statement is tried again, ever more slowly, and the lines stay in
 * memory up to a bound beyond which `append` holds its caller back. Nothing is lost or doubled: a
 * statement that had succeeded unheard finds its chunks in place, and they are compared.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Queryable } from "../../db/pool";
import type { BuildId, LogId, OrgId } from "../../domain/ids";
import { FencedError, isPassing, LogConflictError } from "./errors";
import { SHORTEST_DELAY_MS } from "./flush-delay";
import { OpenLog, type OpenOptions, type Writer } from "./open-log";
import { packed, type QueuedChunk } from "./prepared-chunks";
import {
  areStored,
  type ChunkRow,
  type LogFence,
  type LogIdentity,
  type LogUpdate,
  writeLogs,
} from "./statement";

/** Back-pressure begins above these and ends below half of them. */
const MAX_PROCESS_BYTES = 8 * 1024 * 1024;
const MAX_LOG_BYTES = 2 * 1024 * 1024;
/** So much waiting is written at once. */
const EAGER_BYTES = 1024 * 1024;
const MAX_CHUNKS_PER_WRITE = 1000;
const LONGEST_BACKOFF_MS = 2000;

export interface LogProgress {
  readonly logId: LogId;
  readonly buildId: BuildId;
  readonly orgId: OrgId;
  /** Durable now. */
  readonly lineCount: number;
}

export interface LogWriterOptions {
  /** Lines have become durable: the moment to tell who is watching. */
  readonly onStored?: (progress: readonly LogProgress[]) => void;
  /** A write failed and will be tried again. */
  readonly onRetry?: (error: unknown) => void;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

interface Share {
  readonly log: OpenLog;
  readonly queue: readonly QueuedChunk[];
}

interface Packed {
  readonly log: OpenLog;
  readonly queue: readonly QueuedChunk[];
  readonly update: LogUpdate;
  readonly chunks: readonly ChunkRow[];
}

interface Waiter {
  readonly log: OpenLog;
  readonly resolve: () => void;
}

export class LogWriter {
  readonly #q: Queryable;
  readonly #options: LogWriterOptions;
  readonly #now: () => number;
  readonly #waiting = new Set<OpenLog>();
  readonly #writer: Writer;
  #unflushedBytes = 0;
  #waiters: Waiter[] = [];
  #timer: NodeJS.Timeout | null = null;
  #timerAt = Number.POSITIVE_INFINITY;
  #isWriting = false;
  readonly #stopping = new AbortController();

  /** `q` is the engine's database: not under row-level security. */
  constructor(q: Queryable, options: LogWriterOptions = {}) {
    this.#q = q;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#writer = {
      now: this.#now,
      weigh: (bytes) => this.#weigh(bytes),
      wake: (log) => this.#wake(log),
      pressure: (log) => this.#pressure(log),
      forget: (log) => {
        this.#waiting.delete(log);
        this.#release();
      },
    };
  }

  /** Nothing is written before the first line is whole; the row comes with the first chunk. */
  open(identity: LogIdentity, fence: LogFence, options: OpenOptions = {}): OpenLog {
    return new OpenLog(identity, fence, this.#writer, options);
  }

  /** Bytes in memory that a crash would lose. */
  get unflushedBytes(): number {
    return this.#unflushedBytes;
  }

  /** Writes what waits in all logs, streams unended. For a shutdown; retries until it succeeds. */
  async flush(): Promise<void> {
    await Promise.allSettled([...this.#waiting].map((log) => log.flush()));
  }

  /** Stops trying; every log with lines in memory is lost to this process. */
  abort(): void {
    this.#stopping.abort();
    if (this.#timer) clearTimeout(this.#timer);
    for (const log of [...this.#waiting]) log.discard();
    this.#release();
  }

  #weigh(bytes: number): void {
    this.#unflushedBytes += bytes;
    if (bytes < 0) this.#release();
  }

  #wake(log: OpenLog): void {
    if (this.#stopping.signal.aborted) {
      log.discard();
      return;
    }
    this.#waiting.add(log);
    if (this.#unflushedBytes >= EAGER_BYTES && log.hasFullChunks) {
      log.dueAt = Math.min(log.dueAt, this.#now());
    }
    if (!this.#isWriting) this.#arm(log.dueAt);
  }

  #pressure(log: OpenLog): void | Promise<void> {
    if (this.#unflushedBytes <= MAX_PROCESS_BYTES && log.unflushedBytes <= MAX_LOG_BYTES) return;
    // A thousand logs may fill the bound with little each: nobody waits for company now.
    const now = this.#now();
    for (const each of this.#waiting) each.dueAt = Math.min(each.dueAt, now);
    if (!this.#isWriting) this.#arm(now);
    return new Promise((resolve) => this.#waiters.push({ log, resolve }));
  }

  #release(): void {
    if (this.#waiters.length === 0) return;
    const isRoom = this.#unflushedBytes <= MAX_PROCESS_BYTES / 2;
    const isFree = ({ log }: Waiter) =>
      log.error !== null || (isRoom && log.unflushedBytes <= MAX_LOG_BYTES / 2);
    const waiters = this.#waiters;
    this.#waiters = waiters.filter((waiter) => !isFree(waiter));
    for (const waiter of waiters) if (isFree(waiter)) waiter.resolve();
  }

  #arm(at: number): void {
    if (at >= this.#timerAt || at === Number.POSITIVE_INFINITY) return;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#timerAt = Number.POSITIVE_INFINITY;
        void this.#write();
      },
      Math.max(0, at - this.#now()),
    );
  }

  /** Until nothing is due. Never rejects. */
  async #write(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    try {
      for (let shares = this.#collect(); shares.length > 0; shares = this.#collect()) {
        const all = await Promise.all(shares.map(pack));
        await this.#store(all);
      }
    } finally {
      this.#isWriting = false;
    }
    let next = Number.POSITIVE_INFINITY;
    for (const log of this.#waiting) if (log.isWritable) next = Math.min(next, log.dueAt);
    this.#arm(next);
  }

  /** Those due now or nearly so share the statement; the longest waiting come first. */
  #collect(): Share[] {
    const limit = this.#now() + SHORTEST_DELAY_MS / 2;
    const due = [...this.#waiting]
      .filter((log) => log.dueAt <= limit && log.isWritable)
      .sort((a, b) => a.dueAt - b.dueAt);
    const shares: Share[] = [];
    let chunks = 0;
    for (const log of due) {
      const queue = log.takeQueue();
      this.#waiting.delete(log);
      if (queue.length === 0) continue;
      log.sent(queue.length);
      shares.push({ log, queue });
      chunks += queue.length;
      if (chunks >= MAX_CHUNKS_PER_WRITE) break;
    }
    return shares;
  }

  async #store(all: readonly Packed[]): Promise<void> {
    let share = all;
    for (let attempt = 0; ; attempt += 1) {
      share = share.filter(({ log }) => log.error === null);
      if (share.length === 0) return;
      try {
        await this.#storeOnce(share);
        return;
      } catch (error) {
        if (!isPassing(error)) return this.#storeApart(share, error);
        this.#options.onRetry?.(error);
      }
      const delay = Math.min(LONGEST_BACKOFF_MS, SHORTEST_DELAY_MS * 2 ** Math.min(attempt, 10));
      await sleep(delay, undefined, { signal: this.#stopping.signal }).catch(() => {
        for (const { log } of share) log.discard();
      });
    }
  }

  /** One log's fault must not be another's loss. */
  async #storeApart(all: readonly Packed[], error: unknown): Promise<void> {
    const [only] = all;
    if (all.length === 1 && only) {
      only.log.lose(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    for (const one of all) await this.#store([one]);
  }

  async #storeOnce(all: readonly Packed[]): Promise<void> {
    const counts = await writeLogs(
      this.#q,
      all.map(({ update }) => update),
      all.flatMap(({ chunks }) => chunks),
    );
    const unsure = all.filter(({ log, chunks }) => {
      const stored = counts.get(log.logId);
      return stored !== undefined && stored < chunks.length;
    });
    const conflicts = new Set<OpenLog>();
    for (const { log, chunks } of unsure) {
      if (!(await areStored(this.#q, log.logId, chunks))) conflicts.add(log);
    }
    const progress: LogProgress[] = [];
    for (const { log, queue } of all) {
      if (log.error) continue;
      const { logId, buildId, orgId } = log.identity;
      if (!counts.has(logId)) log.lose(new FencedError(logId, buildId));
      else if (conflicts.has(log)) log.lose(new LogConflictError(logId));
      else {
        log.stored(queue);
        progress.push({ logId, buildId, orgId, lineCount: log.durableLineCount });
      }
    }
    if (progress.length > 0) this.#options.onStored?.(progress);
  }
}

async function pack({ log, queue }: Share): Promise<Packed> {
  const chunks = await Promise.all(queue.map(({ chunk }) => packed(log.identity, chunk)));
  const last = queue[queue.length - 1] as QueuedChunk;
  return {
    log,
    queue,
    chunks,
    update: { identity: log.identity, fence: log.fence, counts: last.counts },
  };
}
