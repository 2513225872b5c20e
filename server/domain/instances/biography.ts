/**
 * The life of a machine as stretches of time: what it was doing, without gaps, from the moment it was
 * asked for. A machine is `building` while at least one build has it.
 */
import type { BuildTime } from "./cost";

export type Phase = "requested" | "starting" | "idle" | "building" | "stopping";

/** Milliseconds since the epoch; null: it has not come so far, or never did. */
export interface LifeTimes {
  readonly createdAt: number;
  /** The provider said that it makes it. */
  readonly answeredAt: number | null;
  /** Its worker logged in. */
  readonly connectedAt: number | null;
  /** It was let go. */
  readonly stoppingAt: number | null;
  readonly goneAt: number | null;
}

export interface Stretch {
  readonly phase: Phase;
  readonly from: number;
  /** Null: it lasts. */
  readonly to: number | null;
}

export function biography(times: LifeTimes, builds: readonly BuildTime[]): Stretch[] {
  const { createdAt, answeredAt, connectedAt, stoppingAt, goneAt } = times;
  const stretches: Stretch[] = [];
  const add = (phase: Phase, from: number, ...ends: (number | null)[]): void => {
    const known = ends.filter((end) => end !== null);
    const to = known.length === 0 ? null : Math.max(from, Math.min(...known));
    if (to !== from) stretches.push({ phase, from, to });
  };
  add("requested", createdAt, answeredAt, connectedAt, stoppingAt, goneAt);
  // A worker may log in before the provider has answered.
  if (answeredAt !== null && (connectedAt === null || answeredAt < connectedAt)) {
    add("starting", answeredAt, connectedAt, stoppingAt, goneAt);
  }
  if (connectedAt !== null) {
    stretches.push(...used(connectedAt, earliest(stoppingAt, goneAt), builds));
  }
  if (stoppingAt !== null) add("stopping", stoppingAt, goneAt);
  return stretches;
}

/** Building and idle, from its login to its end. */
function used(from: number, end: number | null, builds: readonly BuildTime[]): Stretch[] {
  const until = end ?? Number.POSITIVE_INFINITY;
  const busy = builds
    .flatMap((build) => (build.from === null ? [] : [{ from: build.from, to: build.to ?? until }]))
    .map((build) => ({ from: Math.max(from, build.from), to: Math.min(until, build.to) }))
    .filter((build) => build.to > build.from)
    .sort((a, b) => a.from - b.from);
  const stretches: Stretch[] = [];
  const push = (phase: Phase, start: number, stop: number) =>
    stretches.push({ phase, from: start, to: Number.isFinite(stop) ? stop : null });
  let at = from;
  for (const [index, build] of busy.entries()) {
    if (build.to <= at) continue;
    if (build.from > at) push("idle", at, build.from);
    const last = stretches.at(-1);
    const start = Math.max(at, build.from);
    // Builds that overlap or touch are one stretch.
    if (index > 0 && last?.phase === "building" && last.to === start) {
      stretches.pop();
      push("building", last.from, build.to);
    } else push("building", start, build.to);
    at = build.to;
  }
  if (at < until) push("idle", at, until);
  return stretches;
}

function earliest(...times: (number | null)[]): number | null {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.min(...known);
}

/** From the wish to the login; null: it never logged in. */
export function startMs({ createdAt, connectedAt }: LifeTimes): number | null {
  return connectedAt === null ? null : Math.max(0, connectedAt - createdAt);
}
