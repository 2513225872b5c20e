/**
 * How segments of a day are drawn: one path for each look. What went well stands on the line; what
 * went wrong also hangs below it, so that the news is read without colour.
 */
import type { Segment } from "../../../server/domain/workers/busy";
import { type Hue, look, resultState, type StateName } from "../status";

export interface Piece {
  readonly state: StateName;
  readonly hue: Hue;
  readonly d: string;
}

/** Heights in the drawing's own units, of which a slot is one wide. */
export const TOP = 2;
export const LINE = 12;
export const HEIGHT = 18;

export function pieces(segments: readonly Segment[]): Piece[] {
  const paths = new Map<StateName, string>();
  for (const { at, span, result } of segments) {
    const state = resultState(result);
    const d = `M${at} ${TOP}h${span}V${LINE}h${-span}z${below(state, at, span)}`;
    paths.set(state, (paths.get(state) ?? "") + d);
  }
  return [...paths].map(([state, d]) => ({ state, hue: look(state).hue, d }));
}

function below(state: StateName, at: number, span: number): string {
  const mark = (top: number, height: number) => `M${at} ${LINE + top}h${span}v${height}h${-span}z`;
  if (state === "failure") return mark(1.5, 4);
  if (state === "exception") return mark(1.5, 1.5) + mark(4, 1.5);
  return state === "warnings" ? mark(1.5, 1.5) : "";
}
