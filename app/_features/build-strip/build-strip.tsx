"use client";

import { useRouter } from "next/navigation";
import { type MouseEvent, useMemo, useState } from "react";
import { duration } from "../../_client/format";
import { routes } from "../../_client/navigation";
import { useNow } from "../../_ui/time";
import { look } from "../status";
import { type Bar, barState, strokes, summary } from "./geometry";

/**
 * Last builds as bars, newest at the right. Drawn as a handful of paths, so that a board of
 * hundreds of builders stays light; a press opens the build under the pointer.
 */
export function BuildStrip(props: {
  org: string;
  builderId: number;
  builds: readonly Bar[];
  slots?: number;
  height?: number;
  bar?: number;
}) {
  const { builds, bar = 5, height = 28, slots = 30 } = props;
  const gap = 2;
  const router = useRouter();
  const [under, setUnder] = useState<Bar | null>(null);
  const isMoving = builds.some((build) => build.completeAt === null);
  const now = useNow(isMoving);
  const width = slots * (bar + gap);
  const paths = useMemo(
    () => strokes(builds, { width, height, bar, gap }, now || Date.now()),
    [builds, width, height, bar, now],
  );
  const offset = width - builds.length * (bar + gap);
  const at = (event: MouseEvent<SVGSVGElement>): Bar | null => {
    const box = event.currentTarget.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width - offset;
    return builds[Math.floor(x / (bar + gap))] ?? null;
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a short cut for the pointer; the row links the builds
    <svg
      role="img"
      aria-label={summary(builds)}
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      className={`block max-w-full ${under ? "cursor-pointer" : ""}`}
      onMouseMove={(event) => setUnder(at(event))}
      onMouseLeave={() => setUnder(null)}
      onClick={(event) => {
        const build = at(event);
        if (build) router.push(routes.build(props.org, props.builderId, build.number));
      }}
      suppressHydrationWarning
    >
      <title>{under ? told(under, now) : summary(builds)}</title>
      <path d={`M0 ${height - 5.5}H${width}`} stroke="var(--line)" />
      <g transform={`translate(${offset} 0)`}>
        {under ? (
          <rect
            x={builds.indexOf(under) * (bar + gap) - gap / 2}
            width={bar + gap}
            height={height}
            fill="var(--bg-hover)"
          />
        ) : null}
        {paths.map((path) => (
          <path
            key={`${path.hue}${path.isHollow}`}
            d={path.d}
            suppressHydrationWarning
            {...(path.isHollow
              ? { fill: "none", stroke: `var(--${path.hue})` }
              : { fill: `var(--${path.hue}-fill)` })}
          />
        ))}
      </g>
    </svg>
  );
}

function told(bar: Bar, now: number): string {
  const took = duration((bar.completeAt ?? now) - bar.startedAt);
  return `#${bar.number} ${look(barState(bar)).word}, ${took}`;
}
