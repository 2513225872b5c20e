/**
 * Scrolling through more rows than a browser can make an element high for.
 *
 * Rows have places in *pixels of the log* (`top`), which may be hundreds of millions. The browser
 * scrolls an element of at most `MAX_HEIGHT` (`scrollTop`). Up to there both are the same. Beyond,
 * a short way moves the log by the same way, so wheel and finger feel as always, and a long way (a
 * pull at the scrollbar, a jump) goes to the place in proportion. When short ways have led the two
 * apart, the scrollbar is set right, without moving the log. Within `END_ZONE` of either end one
 * pixel is one pixel again, so that no row there is passed over.
 */

/** Firefox stops at 17.9 million pixels, others at 33; screens of high density halve it. */
export const MAX_HEIGHT = 8_000_000;
/** Rows in the page at most. */
export const MAX_ROWS = 300;
const OVERSCAN_ROWS = 24;
const END_ZONE = 100_000;
/** How far the scrollbar may be wrong, in its pixels. */
const SLACK = 1000;

export interface Geometry {
  readonly rowCount: number;
  readonly rowHeight: number;
  /** Visible pixels. */
  readonly viewHeight: number;
}

export interface Position {
  /** Pixels of the log above the view. */
  readonly top: number;
  /** What the element's `scrollTop` is, or must be set to. */
  readonly scrollTop: number;
}

export function contentHeight({ rowCount, rowHeight }: Geometry): number {
  return Math.min(MAX_HEIGHT, rowCount * rowHeight);
}

export function maxTop({ rowCount, rowHeight, viewHeight }: Geometry): number {
  return Math.max(0, rowCount * rowHeight - viewHeight);
}

function maxScrollTop(geometry: Geometry): number {
  return Math.max(0, contentHeight(geometry) - geometry.viewHeight);
}

function isScaled(geometry: Geometry): boolean {
  return maxTop(geometry) > maxScrollTop(geometry);
}

/** The view at a place of the log. */
export function at(geometry: Geometry, top: number): Position {
  const clamped = Math.min(maxTop(geometry), Math.max(0, top));
  return { top: clamped, scrollTop: scrollTopOf(geometry, clamped) };
}

function scrollTopOf(geometry: Geometry, top: number): number {
  if (!isScaled(geometry)) return top;
  const most = maxTop(geometry);
  const end = maxScrollTop(geometry);
  if (top <= END_ZONE) return top;
  if (top >= most - END_ZONE) return end - (most - top);
  return Math.round(END_ZONE + ((top - END_ZONE) * (end - 2 * END_ZONE)) / (most - 2 * END_ZONE));
}

function topOf(geometry: Geometry, scrollTop: number): number {
  const most = maxTop(geometry);
  const end = maxScrollTop(geometry);
  if (scrollTop <= END_ZONE) return scrollTop;
  if (scrollTop >= end - END_ZONE) return most - (end - scrollTop);
  return END_ZONE + ((scrollTop - END_ZONE) * (most - 2 * END_ZONE)) / (end - 2 * END_ZONE);
}

/** The view after the element was scrolled to `scrollTop`. */
export function scrolled(geometry: Geometry, before: Position, scrollTop: number): Position {
  if (!isScaled(geometry)) return { top: Math.min(maxTop(geometry), scrollTop), scrollTop };
  const end = maxScrollTop(geometry);
  if (scrollTop <= 0) return { top: 0, scrollTop };
  // Fractions of a pixel keep some browsers from the very end.
  if (scrollTop >= end - 1) return { top: maxTop(geometry), scrollTop };
  const way = scrollTop - before.scrollTop;
  if (Math.abs(way) > 2 * geometry.viewHeight) {
    return { top: topOf(geometry, scrollTop), scrollTop };
  }
  return settled(geometry, { top: at(geometry, before.top + way).top, scrollTop });
}

/**
 * The same place of the log, with the scrollbar set right if it is too far off: after short ways,
 * and when the log has grown.
 */
export function settled(geometry: Geometry, position: Position): Position {
  const exact = at(geometry, position.top);
  if (!isScaled(geometry)) return exact;
  // The scrollbar must not come to an end before the log does.
  const end = maxScrollTop(geometry);
  const slack = Math.min(SLACK, exact.scrollTop / 2, (end - exact.scrollTop) / 2);
  const isOff = Math.abs(exact.scrollTop - position.scrollTop) > slack;
  return isOff ? exact : { top: exact.top, scrollTop: position.scrollTop };
}

export interface RowRange {
  readonly first: number;
  /** After the last. */
  readonly end: number;
}

/** Rows to draw: those in view, and some around them. */
export function rowsAround(geometry: Geometry, top: number): RowRange {
  const { rowCount, rowHeight, viewHeight } = geometry;
  const visible = Math.min(MAX_ROWS, Math.ceil(viewHeight / rowHeight) + 1);
  const around = Math.min(OVERSCAN_ROWS, Math.floor((MAX_ROWS - visible) / 2));
  const first = Math.floor(top / rowHeight);
  return {
    first: Math.max(0, first - around),
    end: Math.min(rowCount, first + visible + around),
  };
}

export function isAtEnd(geometry: Geometry, top: number): boolean {
  return top >= maxTop(geometry) - geometry.rowHeight;
}
