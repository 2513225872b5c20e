/**
 * The strip of last builds: one bar each, its height the duration, its colour and shape the result.
 * What went well stands on the line; what went wrong also hangs below it, so that the news is
 * read without colour.
 */
import { type Hue, look, resultState, type StateName } from "../status/states";

export interface Bar {
  readonly id: number;
  readonly number: number;
  readonly state: string;
  readonly result: number | null;
  readonly startedAt: number;
  readonly completeAt: number | null;
}

export interface Stroke {
  readonly hue: Hue;
  /** One path for all bars of this look. */
  readonly d: string;
  readonly isHollow: boolean;
}

export interface Box {
  readonly width: number;
  readonly height: number;
  /** Width of a bar and of the gap after it. */
  readonly bar: number;
  readonly gap: number;
}

/** Room under the line for the marks of bad results. */
const BELOW = 6;
const LEAST = 3;

/** @param now milliseconds since the epoch, for builds that still run */
export function strokes(bars: readonly Bar[], box: Box, now: number): Stroke[] {
  const took = bars.map((bar) => Math.max(0, (bar.completeAt ?? now) - bar.startedAt));
  const longest = Math.max(1, ...took);
  const paths = new Map<string, { hue: Hue; isHollow: boolean; d: string }>();
  const base = box.height - BELOW;
  bars.forEach((bar, index) => {
    const state = barState(bar);
    const isHollow = bar.result === null || ["cancelled", "skipped", "retry"].includes(state);
    // Roots of durations: a build ten times as long stays on the strip beside the others.
    const tall = LEAST + Math.sqrt((took[index] ?? 0) / longest) * (base - LEAST - 1);
    const x = index * (box.bar + box.gap);
    const inset = isHollow ? 0.5 : 0;
    const body = `M${x + inset} ${round(base - tall + inset)}h${box.bar - 2 * inset}V${base - inset}h${-(box.bar - 2 * inset)}z`;
    const { hue } = look(state);
    const key = `${hue}${isHollow}`;
    const path = paths.get(key) ?? { hue, isHollow, d: "" };
    path.d += body + below(state, x, base, box.bar);
    paths.set(key, path);
  });
  return [...paths.values()];
}

export function barState(bar: Pick<Bar, "state" | "result">): StateName {
  if (bar.state === "finished") return resultState(bar.result);
  return bar.state === "preparing" ? "preparing" : "running";
}

function below(state: StateName, x: number, base: number, bar: number): string {
  const y = base + 1.5;
  if (state === "failure") return `M${x} ${y}h${bar}l${-bar / 2} ${BELOW - 2}z`;
  if (state === "exception") {
    const half = bar / 2;
    const tall = (BELOW - 1.5) / 2;
    return `M${x + half} ${y}l${half} ${tall}l${-half} ${tall}l${-half} ${-tall}z`;
  }
  return state === "warnings" ? `M${x} ${y}h${bar}v1.5h${-bar}z` : "";
}

const round = (n: number): number => Math.round(n * 10) / 10;

/** "Last 30 builds: 27 success, 3 failure", for those who do not see the strip. */
export function summary(bars: readonly Bar[]): string {
  if (bars.length === 0) return "No builds yet";
  const counts = new Map<string, number>();
  for (const bar of bars) {
    const { word } = look(barState(bar));
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const parts = [...counts].map(([word, count]) => `${count} ${word}`);
  return `Last ${bars.length} builds: ${parts.join(", ")}`;
}
