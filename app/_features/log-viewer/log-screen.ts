/**
 * Which part of a log is on the screen: position, following, and the lines for it. Knows nothing
 * of the DOM or of React.
 *
 *   FOLLOWING  the end is in view. Lines that arrive are fetched first and shown when they are at
 *              hand, so that the end never flickers
 *   RESTING    the person reads elsewhere: nothing moves under their eyes, new lines are counted
 *
 * Scrolling up leaves FOLLOWING, reaching the end of a log that is not complete enters it.
 */
import { LineCache } from "./line-cache";
import type { Line, LogSource } from "./source";
import {
  at,
  contentHeight,
  type Geometry,
  isAtEnd,
  MAX_ROWS,
  maxTop,
  type Position,
  rowsAround,
  scrolled,
  settled,
} from "./window";
import { WrappedRows } from "./wrapped-rows";

export interface LogScreenOptions {
  readonly rowHeight: number;
  /** Where to begin: at a line (from 0), or at the end, following. */
  readonly start: number | "end";
  readonly isWrapped: boolean;
  readonly retryLater: (work: () => void, attempt: number) => () => void;
}

/** What is to be drawn. */
export interface View {
  readonly contentHeight: number;
  /** Pixels from the content's top to the first drawn row. */
  readonly offset: number;
  readonly scrollTop: number;
  readonly firstLine: number;
  /** After the last drawn. */
  readonly endLine: number;
  readonly lineCount: number;
  readonly isFollowing: boolean;
  /** Lines that arrived since following ended. */
  readonly newLines: number;
  readonly isFailing: boolean;
}

/** Lines asked for at the end before the height of the view is known. */
const FIRST_ROWS = 60;

export class LogScreen {
  readonly #source: LogSource;
  readonly #rowHeight: number;
  readonly #cache: LineCache;
  readonly #listeners = new Set<() => void>();
  #unsubscribe: (() => void) | null = null;
  #wrapped: WrappedRows | null;
  #viewHeight = 0;
  #position: Position = { top: 0, scrollTop: 0 };
  /** Lines shown; behind the source while following. */
  #shown = 0;
  #isFollowing: boolean;
  #seen = 0;
  /** A line to go to once the height of the view is known. */
  #goal: { readonly line: number; readonly isCentred: boolean } | null;
  #view: View;

  constructor(source: LogSource, options: LogScreenOptions) {
    this.#source = source;
    this.#rowHeight = options.rowHeight;
    this.#isFollowing = options.start === "end";
    this.#goal = options.start === "end" ? null : { line: options.start, isCentred: true };
    this.#wrapped = options.isWrapped ? new WrappedRows(source.lineCount) : null;
    this.#cache = new LineCache({
      fetch: (from, count) => source.fetch(from, count),
      onChange: () => this.#changed(),
      retryLater: options.retryLater,
    });
    if (!this.#isFollowing) this.#shown = this.#seen = source.lineCount;
    this.#view = this.#look();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The same object until something changes. */
  readonly view = (): View => this.#view;

  line(number: number): Line | undefined {
    return this.#cache.get(number);
  }

  /** Begins listening and fetching. */
  open(): void {
    this.#unsubscribe ??= this.#source.subscribe(() => this.#changed());
    this.#cache.open();
    this.#changed();
  }

  close(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    this.#cache.close();
  }

  resize(viewHeight: number): void {
    if (viewHeight === this.#viewHeight) return;
    this.#viewHeight = viewHeight;
    if (this.#goal && viewHeight > 0) {
      const { line, isCentred } = this.#goal;
      this.#goal = null;
      this.#place(line, isCentred);
    }
    this.#changed();
  }

  /** The element has been scrolled, by the person or by us. */
  scrolledTo(scrollTop: number): void {
    if (Math.abs(scrollTop - this.#position.scrollTop) < 1) return;
    const geometry = this.#geometry();
    this.#position = scrolled(geometry, this.#position, scrollTop);
    this.#setFollowing(isAtEnd(geometry, this.#position.top) && !this.#source.isComplete);
    this.#changed();
  }

  /** By so many rows; pages and single lines by key. */
  scrollBy(rows: number): void {
    this.#position = at(this.#geometry(), this.#position.top + rows * this.#rowHeight);
    const atEnd = isAtEnd(this.#geometry(), this.#position.top);
    this.#setFollowing(atEnd && !this.#source.isComplete);
    this.#changed();
  }

  goTo(line: number): void {
    this.#setFollowing(false);
    this.#shown = this.#source.lineCount;
    if (this.#viewHeight === 0) this.#goal = { line, isCentred: true };
    else this.#place(line, true);
    this.#changed();
  }

  goToEnd(): void {
    if (this.#source.isComplete) {
      this.#shown = this.#source.lineCount;
      this.#position = at(this.#geometry(), Number.POSITIVE_INFINITY);
    } else this.#setFollowing(true);
    this.#changed();
  }

  follow(isWanted: boolean): void {
    if (isWanted) this.goToEnd();
    else {
      this.#setFollowing(false);
      this.#changed();
    }
  }

  /** The line at the top of the view stays there. */
  wrap(isWrapped: boolean): void {
    if (isWrapped === (this.#wrapped !== null)) return;
    const line = this.#lineAt(Math.floor(this.#position.top / this.#rowHeight));
    this.#wrapped = isWrapped ? new WrappedRows(this.#source.lineCount) : null;
    this.#place(line, false);
    this.#changed();
  }

  /** The height has changed for all lines: what was measured is void. */
  remeasure(): void {
    if (!this.#wrapped) return;
    this.wrap(false);
    this.wrap(true);
  }

  /** Heights of drawn lines, in rows. What is above the view grows upwards, the end stays. */
  measured(heights: readonly (readonly [line: number, rows: number])[]): void {
    const wrapped = this.#wrapped;
    if (!wrapped) return;
    const before = this.#geometry();
    const wasAtEnd = maxTop(before) > 0 && isAtEnd(before, this.#position.top);
    const topLine = this.#lineAt(Math.floor(this.#position.top / this.#rowHeight));
    let above = 0;
    let isChanged = false;
    for (const [line, rows] of heights) {
      const grown = wrapped.set(line, Math.max(1, rows));
      if (grown !== 0) isChanged = true;
      if (line < topLine) above += grown;
    }
    if (!isChanged) return;
    const top = wasAtEnd ? Number.POSITIVE_INFINITY : this.#position.top + above * this.#rowHeight;
    this.#position = at(this.#geometry(), top);
    this.#changed();
  }

  #place(line: number, isCentred: boolean): void {
    const row = this.#wrapped ? this.#wrapped.rowOf(line) : line;
    const above = isCentred ? this.#viewHeight / 3 : 0;
    this.#position = at(this.#geometry(), row * this.#rowHeight - above);
  }

  #setFollowing(isFollowing: boolean): void {
    if (isFollowing === this.#isFollowing) return;
    this.#isFollowing = isFollowing;
    this.#seen = this.#source.lineCount;
  }

  #lineAt(row: number): number {
    return this.#wrapped ? this.#wrapped.lineAt(row) : row;
  }

  #geometry(): Geometry {
    return {
      rowCount: this.#shown + (this.#wrapped?.extraRows ?? 0),
      rowHeight: this.#rowHeight,
      viewHeight: this.#viewHeight,
    };
  }

  #changed(): void {
    const { lineCount, isComplete } = this.#source;
    if (this.#isFollowing) {
      const rows = Math.max(FIRST_ROWS, Math.ceil(this.#viewHeight / this.#rowHeight));
      this.#shown = Math.max(this.#shown, this.#cache.endAtHand(lineCount, rows));
      this.#position = at(this.#geometry(), maxTop(this.#geometry()));
      this.#cache.want(lineCount - rows, lineCount, lineCount);
      if (isComplete && this.#shown === lineCount) this.#setFollowing(false);
    } else {
      this.#shown = lineCount;
      if (this.#viewHeight > 0 && isAtEnd(this.#geometry(), this.#position.top))
        this.#seen = lineCount;
      if (this.#viewHeight > 0) this.#position = settled(this.#geometry(), this.#position);
    }
    this.#view = this.#look();
    if (!this.#isFollowing) this.#cache.want(this.#view.firstLine, this.#view.endLine, lineCount);
    for (const listener of this.#listeners) listener();
  }

  #look(): View {
    const geometry = this.#geometry();
    const { top, scrollTop } = this.#position;
    const { first, end } = rowsAround(geometry, top);
    const firstLine = this.#lineAt(first);
    const endLine = Math.min(this.#shown, this.#lineAt(Math.max(0, end - 1)) + 1);
    const row = this.#wrapped ? this.#wrapped.rowOf(firstLine) : firstLine;
    return {
      contentHeight: contentHeight(geometry),
      offset: scrollTop + row * this.#rowHeight - top,
      scrollTop,
      firstLine,
      endLine: Math.min(endLine, firstLine + MAX_ROWS),
      lineCount: this.#shown,
      isFollowing: this.#isFollowing,
      newLines: this.#isFollowing ? 0 : Math.max(0, this.#source.lineCount - this.#seen),
      isFailing: this.#cache.isFailing,
    };
  }
}
