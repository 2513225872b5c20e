/**
 * When a worker built, as a strip of time: slots of equal length, neighbours of one look merged, so
 * that a day of a thousand builds is a few segments. Where builds overlap, the worst news is shown.
 */
import { RESULTS } from "../builds/result";

/** Builds of one result that ended close together; a build that runs has neither end nor result. */
export interface Stretch {
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly to: number | null;
  readonly result: number | null;
}

export interface Segment {
  /** The first slot, and how many. */
  readonly at: number;
  readonly span: number;
  /** null: builds run. */
  readonly result: number | null;
}

export interface Span {
  /** Where the first slot begins. */
  readonly from: number;
  readonly slotMs: number;
  readonly slots: number;
}

const WORST_FIRST: readonly (number | null)[] = [
  RESULTS.EXCEPTION,
  RESULTS.FAILURE,
  RESULTS.WARNINGS,
  null,
  RESULTS.RETRY,
  RESULTS.CANCELLED,
  RESULTS.SUCCESS,
  RESULTS.SKIPPED,
];

/** The span of whole slots that ends with the slot of `now`: a strip stays still within a slot. */
export function spanUntil(now: number, slotMs: number, slots: number): Span {
  const end = Math.floor(now / slotMs) + 1;
  return { from: (end - slots) * slotMs, slotMs, slots };
}

/** @param now milliseconds since the epoch: where builds that run have come to */
export function busySegments(stretches: readonly Stretch[], span: Span, now: number): Segment[] {
  const ranks = new Array<number>(span.slots).fill(WORST_FIRST.length);
  for (const { from, to, result } of stretches) {
    const rank = Math.max(0, WORST_FIRST.indexOf(result));
    const first = Math.max(0, slotOf(from, span));
    const last = Math.min(span.slots - 1, slotOf(to ?? now, span));
    for (let slot = first; slot <= last; slot += 1) {
      ranks[slot] = Math.min(ranks[slot] ?? rank, rank);
    }
  }
  const segments: { at: number; span: number; result: number | null }[] = [];
  ranks.forEach((rank, slot) => {
    if (rank === WORST_FIRST.length) return;
    const result = WORST_FIRST[rank] ?? null;
    const before = segments.at(-1);
    if (before && before.at + before.span === slot && before.result === result) before.span += 1;
    else segments.push({ at: slot, span: 1, result });
  });
  return segments;
}

const slotOf = (at: number, { from, slotMs }: Span): number => Math.floor((at - from) / slotMs);
