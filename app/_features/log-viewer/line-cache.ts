/**
 * Lines at hand, in pages of 200, the least recently shown thrown away first.
 *
 * Only the newest wish counts: a fast scroll through a million lines asks for where it ends, not
 * for all it passed. A page of a growing log is filled from its first missing line on.
 */
import type { Line } from "./source";

export const PAGE_LINES = 200;

export interface LineCacheOptions {
  readonly fetch: (from: number, count: number) => Promise<readonly Line[]>;
  /** Lines have come, or a request has failed. */
  readonly onChange: () => void;
  /** Runs `work` after some time that grows with `attempt` (from 1). @returns what cancels it */
  readonly retryLater: (work: () => void, attempt: number) => () => void;
  readonly maxPages?: number;
  readonly maxRequests?: number;
}

export class LineCache {
  readonly #options: LineCacheOptions;
  readonly #maxPages: number;
  readonly #maxRequests: number;
  /** Least recently wanted first. */
  readonly #pages = new Map<number, Line[]>();
  readonly #requested = new Set<number>();
  #wanted: number[] = [];
  #lineCount = 0;
  #failures = 0;
  #cancelRetry: (() => void) | null = null;
  #isClosed = false;

  constructor(options: LineCacheOptions) {
    this.#options = options;
    this.#maxPages = options.maxPages ?? 100;
    this.#maxRequests = options.maxRequests ?? 3;
  }

  get(number: number): Line | undefined {
    return this.#pages.get(Math.floor(number / PAGE_LINES))?.[number % PAGE_LINES];
  }

  /** Whether all lines from `first` to before `end` are at hand. */
  has(first: number, end: number): boolean {
    for (let page = Math.floor(first / PAGE_LINES); page * PAGE_LINES < end; page += 1) {
      const have = page * PAGE_LINES + (this.#pages.get(page)?.length ?? 0);
      if (have < Math.min(end, (page + 1) * PAGE_LINES)) return false;
    }
    return true;
  }

  /** Requests have failed and will be repeated. */
  get isFailing(): boolean {
    return this.#failures > 0;
  }

  get pageCount(): number {
    return this.#pages.size;
  }

  /** These lines are on the screen, of a log of so many; their neighbours come after them. */
  want(first: number, end: number, lineCount: number): void {
    this.#lineCount = lineCount;
    const from = Math.floor(Math.max(0, first) / PAGE_LINES);
    const to = Math.floor(Math.max(0, Math.min(end, lineCount) - 1) / PAGE_LINES);
    const pages: number[] = [];
    for (let page = from; page <= to; page += 1) pages.push(page);
    this.#wanted = [...pages, to + 1, from - 1, to + 2].filter(
      (page) => page >= 0 && page * PAGE_LINES < lineCount,
    );
    for (const page of [...this.#wanted].reverse()) {
      const lines = this.#pages.get(page);
      if (!lines) continue;
      this.#pages.delete(page);
      this.#pages.set(page, lines);
    }
    this.#pump();
  }

  /** The last line before which `rows` lines are at hand, as a count; 0 when that is nowhere near. */
  endAtHand(lineCount: number, rows: number): number {
    const last = Math.floor((lineCount - 1) / PAGE_LINES);
    for (let page = last; page >= Math.max(0, last - 3); page -= 1) {
      const length = this.#pages.get(page)?.length ?? 0;
      const end = Math.min(lineCount, page * PAGE_LINES + length);
      if (length > 0 && this.has(Math.max(0, end - rows), end)) return end;
    }
    return 0;
  }

  /** Undoes `close`. */
  open(): void {
    this.#isClosed = false;
    this.#pump();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRetry?.();
    this.#cancelRetry = null;
  }

  #pump(): void {
    if (this.#isClosed || this.#cancelRetry) return;
    for (const page of this.#wanted) {
      if (this.#requested.size >= this.#maxRequests) return;
      if (!this.#requested.has(page) && this.#missing(page) > 0) void this.#load(page);
    }
  }

  #missing(page: number): number {
    const exist = Math.min(PAGE_LINES, this.#lineCount - page * PAGE_LINES);
    return exist - (this.#pages.get(page)?.length ?? 0);
  }

  async #load(page: number): Promise<void> {
    this.#requested.add(page);
    const have = this.#pages.get(page)?.length ?? 0;
    const from = page * PAGE_LINES + have;
    try {
      const lines = await this.#options.fetch(from, this.#missing(page));
      if (this.#isClosed) return;
      if (lines.length === 0) throw new Error(`no line ${from}`);
      this.#keep(page, have, lines);
      this.#failures = 0;
    } catch {
      if (this.#isClosed) return;
      this.#failures += 1;
      this.#cancelRetry ??= this.#options.retryLater(() => {
        this.#cancelRetry = null;
        this.#pump();
      }, this.#failures);
    } finally {
      this.#requested.delete(page);
    }
    this.#pump();
    this.#options.onChange();
  }

  /** Lines that follow without a gap, each once. */
  #keep(page: number, have: number, lines: readonly Line[]): void {
    const kept = this.#pages.get(page)?.slice(0, have) ?? [];
    for (const line of lines) {
      if (line.number === page * PAGE_LINES + kept.length && kept.length < PAGE_LINES) {
        kept.push(line);
      }
    }
    this.#pages.delete(page);
    this.#pages.set(page, kept);
    const wanted = new Set(this.#wanted);
    for (const old of this.#pages.keys()) {
      if (this.#pages.size <= this.#maxPages) break;
      if (!wanted.has(old)) this.#pages.delete(old);
    }
  }
}
