/** The day of a pool as paths in a box of one unit for each step; each figure holds until the next. Pure. */

export interface Point {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly queue: number;
  readonly desired: number;
  readonly starting: number;
  readonly idle: number;
  readonly busy: number;
}

export interface Frame {
  readonly from: number;
  readonly to: number;
  readonly stepMs: number;
  /** The greatest figure that is drawn. */
  readonly top: number;
}

export function frameOf(
  points: readonly Point[],
  stepMs: number,
  now: number,
  hours: number,
): Frame {
  const to = Math.ceil(now / stepMs) * stepMs;
  const greatest = points.map(({ queue, desired, starting, idle, busy }) =>
    Math.max(queue, desired, starting + idle + busy),
  );
  return { from: to - hours * 3_600_000, to, stepMs, top: roundTop(Math.max(1, ...greatest)) };
}

/** 1, 2, 5, 10, 20, 50 … */
export function roundTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((top) => top >= value) ?? value;
}

type Figure = (point: Point) => number;

/** A stepped line from left to right, ending at `now`. */
export function line(points: readonly Point[], frame: Frame, figure: Figure): string {
  const steps = stepsOf(points, frame, figure);
  return steps
    .map(({ x, y }, index) => (index === 0 ? `M${x} ${y}` : `H${x}V${y}`))
    .concat(steps.length === 0 ? [] : [`H${width(frame)}`])
    .join("");
}

/** The ground between two stepped lines: machines of one kind, on top of those below. */
export function band(points: readonly Point[], frame: Frame, lower: Figure, upper: Figure): string {
  const above = stepsOf(points, frame, upper);
  const below = stepsOf(points, frame, lower);
  const end = width(frame);
  return above
    .map(({ x, y }, index) => {
      const right = above[index + 1]?.x ?? end;
      const base = below[index]?.y ?? y;
      return base === y ? "" : `M${x} ${base}V${y}H${right}V${base}z`;
    })
    .join("");
}

export const HEIGHT = 100;
export const width = ({ from, to, stepMs }: Frame): number => (to - from) / stepMs;

function stepsOf(points: readonly Point[], frame: Frame, figure: Figure) {
  const end = width(frame);
  return points
    .map((point) => ({
      x: Math.max(0, round((point.at - frame.from) / frame.stepMs)),
      y: round(HEIGHT - (figure(point) / frame.top) * HEIGHT),
    }))
    .filter(({ x }) => x < end);
}

const round = (value: number) => Math.round(value * 100) / 100;
