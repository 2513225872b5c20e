"use client";

import { duration } from "../../_client/format";
import { useNow } from "../../_ui/time";

type Phase = "requested" | "starting" | "idle" | "building" | "stopping";

export interface LifeStretch {
  readonly phase: Phase;
  /** Milliseconds since the epoch. */
  readonly from: number;
  /** Null: it lasts. */
  readonly to: number | null;
}

const FILLS: Readonly<Record<Phase, string>> = {
  requested: "bg-[var(--grey-fill)]",
  starting: "bg-cyan",
  idle: "bg-[var(--amber-fill)]",
  building: "bg-[var(--blue-fill)]",
  stopping: "bg-slate",
};
const PHASES = Object.keys(FILLS) as Phase[];

/** A machine's life from left to right: length is time, and nothing is too short to be seen. */
export function LifeStrip(props: { stretches: readonly LifeStretch[]; isFailed?: boolean }) {
  const { stretches, isFailed } = props;
  const now = useNow(stretches.some(({ to }) => to === null));
  const first = stretches[0];
  if (!first) return null;
  const end = (stretch: LifeStretch) => stretch.to ?? Math.max(now, stretch.from);
  const says = stretches
    .map((stretch) => `${stretch.phase} ${duration(end(stretch) - stretch.from)}`)
    .join(", ");
  return (
    <div
      role="img"
      aria-label={now === 0 ? "Its life" : `Its life: ${says}`}
      className={`flex h-4 overflow-hidden rounded-sm border border-line ${isFailed ? "opacity-70" : ""}`}
      suppressHydrationWarning
    >
      {stretches.map((stretch) => (
        <span
          key={`${stretch.phase}${stretch.from}`}
          className={`min-w-[3px] ${FILLS[stretch.phase]}`}
          style={{ flexGrow: Math.max(1, end(stretch) - stretch.from), flexBasis: 0 }}
          title={`${stretch.phase}, ${duration(end(stretch) - stretch.from)}`}
          suppressHydrationWarning
        />
      ))}
    </div>
  );
}

/** What the colours say, with how long each lasted in all. */
export function LifeLegend({ stretches }: { stretches: readonly LifeStretch[] }) {
  const now = useNow(stretches.some(({ to }) => to === null));
  const total = (phase: Phase) =>
    stretches
      .filter((stretch) => stretch.phase === phase)
      .reduce((sum, { from, to }) => sum + ((to ?? Math.max(now, from)) - from), 0);
  return (
    <ul className="mt-1.5 flex flex-wrap gap-x-4 gap-y-1 text-xs text-muted">
      {PHASES.filter((phase) => stretches.some((stretch) => stretch.phase === phase)).map(
        (phase) => (
          <li key={phase} className="flex items-center gap-1.5">
            <span aria-hidden="true" className={`size-2.5 rounded-[2px] ${FILLS[phase]}`} />
            {phase}
            <span className="num text-fg" suppressHydrationWarning>
              {now === 0 ? "…" : duration(total(phase))}
            </span>
          </li>
        ),
      )}
    </ul>
  );
}
