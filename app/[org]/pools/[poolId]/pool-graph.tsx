"use client";

import { exact, hourAndMinute } from "@/app/_client/format";
import { useNow } from "@/app/_ui/time";
import { band, frameOf, HEIGHT, line, type Point, width } from "./graph-drawing";

const HOURS = 24;

const BANDS = [
  { name: "busy", fill: "var(--blue-fill)", from: () => 0, to: (p: Point) => p.busy },
  {
    name: "idle",
    fill: "var(--amber-fill)",
    from: (p: Point) => p.busy,
    to: (p: Point) => p.busy + p.idle,
  },
  {
    name: "starting",
    fill: "var(--cyan)",
    from: (p: Point) => p.busy + p.idle,
    to: (p: Point) => p.busy + p.idle + p.starting,
  },
] as const;

const LINES = [
  { name: "waiting", stroke: "var(--red)", dash: undefined, of: (p: Point) => p.queue },
  { name: "desired", stroke: "var(--fg)", dash: "4 3", of: (p: Point) => p.desired },
] as const;

/** Machines as ground, what waited and what was wanted as lines; the same as a table below. */
export function PoolGraph(props: { points: readonly Point[]; stepSeconds: number; most: number }) {
  const { points, stepSeconds } = props;
  const now = useNow(false);
  if (points.length === 0) {
    return (
      <p className="text-muted">
        Nothing has happened in it yet. As soon as a build wants a machine of it, what waited, what
        was wanted and what was there is drawn here.
      </p>
    );
  }
  const last = points.at(-1) as Point;
  const frame = frameOf(points, stepSeconds * 1_000, now || last.at, HOURS);
  return (
    <figure>
      <div className="flex gap-2">
        <div
          aria-hidden="true"
          className="num flex w-6 flex-col justify-between text-right text-xs text-muted"
        >
          <span>{frame.top}</span>
          <span>0</span>
        </div>
        <div className="min-w-0 flex-1">
          <svg
            role="img"
            aria-label={sentence(points)}
            viewBox={`0 0 ${width(frame)} ${HEIGHT}`}
            preserveAspectRatio="none"
            className="block h-48 w-full border-y border-line"
            suppressHydrationWarning
          >
            <title>{sentence(points)}</title>
            {[0.25, 0.5, 0.75].map((part) => (
              <path
                key={part}
                d={`M0 ${HEIGHT * part}H${width(frame)}`}
                stroke="var(--line)"
                vectorEffect="non-scaling-stroke"
              />
            ))}
            {BANDS.map(({ name, fill, from, to }) => (
              <path key={name} d={band(points, frame, from, to)} fill={fill} />
            ))}
            {LINES.map(({ name, stroke, dash, of }) => (
              <path
                key={name}
                d={line(points, frame, of)}
                fill="none"
                stroke={stroke}
                strokeWidth="1.5"
                strokeDasharray={dash}
                vectorEffect="non-scaling-stroke"
              />
            ))}
          </svg>
          <div
            aria-hidden="true"
            className="num flex justify-between pt-1 text-xs text-muted"
            suppressHydrationWarning
          >
            {[0, 6, 12, 18, 24].map((hour) => (
              <span key={hour} suppressHydrationWarning>
                {now === 0 ? "…" : hourAndMinute(frame.from + hour * 3_600_000)}
              </span>
            ))}
          </div>
        </div>
      </div>
      <figcaption>
        <ul className="mt-2 flex flex-wrap gap-x-5 gap-y-1 text-xs text-muted">
          {BANDS.map(({ name, fill }) => (
            <li key={name} className="flex items-center gap-1.5">
              <span aria-hidden="true" className="size-2.5" style={{ background: fill }} />
              {name}
            </li>
          ))}
          {LINES.map(({ name, stroke, dash }) => (
            <li key={name} className="flex items-center gap-1.5">
              <span
                aria-hidden="true"
                className="w-4 border-t-2"
                style={{ borderColor: stroke, borderStyle: dash ? "dashed" : "solid" }}
              />
              {name}
            </li>
          ))}
        </ul>
        <Figures points={points} />
      </figcaption>
    </figure>
  );
}

function sentence(points: readonly Point[]): string {
  const top = (figure: (point: Point) => number) => Math.max(...points.map(figure));
  const machines = top(({ starting, idle, busy }) => starting + idle + busy);
  return `In the last 24 hours at most ${top(({ queue }) => queue)} waited, ${top(({ desired }) => desired)} machines were wanted, ${machines} were there, ${top(({ busy }) => busy)} of them busy`;
}

/** For those who read rather than look. */
function Figures({ points }: { points: readonly Point[] }) {
  const now = useNow(false);
  return (
    <details className="mt-2 text-xs">
      <summary className="text-muted hover:text-fg">As a table</summary>
      <div
        className="mt-2 max-h-72 overflow-auto"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
        tabIndex={0}
      >
        <table className="rows">
          <thead>
            <tr>
              <th>From</th>
              <th className="text-right">Waiting</th>
              <th className="text-right">Desired</th>
              <th className="text-right">Starting</th>
              <th className="text-right">Idle</th>
              <th className="text-right">Busy</th>
            </tr>
          </thead>
          <tbody>
            {[...points].reverse().map((point) => (
              <tr key={point.at}>
                <td suppressHydrationWarning>{now === 0 ? "…" : exact(point.at)}</td>
                <td className="num text-right">{point.queue}</td>
                <td className="num text-right">{point.desired}</td>
                <td className="num text-right">{point.starting}</td>
                <td className="num text-right">{point.idle}</td>
                <td className="num text-right">{point.busy}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
