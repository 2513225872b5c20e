import type { Segment } from "../../../server/domain/workers/busy";
import { duration } from "../../_client/format";
import { HEIGHT, LINE, pieces } from "./drawing";

export interface Day {
  readonly segments: readonly Segment[];
  readonly builds: number;
  readonly buildMs: number;
}

/** The last 24 hours of a worker, now at the right. Its place is taken before the data is there. */
export function BusyStrip(props: { day: Day | null | undefined; slots: number; tall?: boolean }) {
  const { day, slots } = props;
  const says = sentence(day);
  const width = props.tall ? "100%" : slots;
  return (
    <svg
      role="img"
      aria-label={says}
      viewBox={`0 0 ${slots} ${HEIGHT}`}
      width={width}
      height={props.tall ? 36 : HEIGHT}
      preserveAspectRatio="none"
      className="block max-w-full"
    >
      <title>{says}</title>
      <path
        d={`M0 ${LINE + 0.5}H${slots}`}
        stroke="var(--line-strong)"
        strokeDasharray="1 5"
        vectorEffect="non-scaling-stroke"
      />
      {pieces(day?.segments ?? []).map(({ state, hue, d }) => (
        <path key={state} d={d} fill={`var(--${hue}-fill)`} />
      ))}
    </svg>
  );
}

function sentence(day: Day | null | undefined): string {
  if (day === undefined) return "The last 24 hours are being read";
  if (day === null || day.builds === 0) return "No build in the last 24 hours";
  const builds = day.builds === 1 ? "1 build" : `${day.builds} builds`;
  return `${builds} in the last 24 hours, ${duration(day.buildMs)} in all`;
}
