/**
 * Why a pool is not larger: each thing that keeps it from more machines, and how many it leaves room
 * for. What the distributor may start, what a request that waits is told and what the page shows are
 * all read from this one list.
 */
import type { LatentState } from "../latent/state";
import { momentText } from "../text/moment";
import type { PoolOptions } from "./options";

export type LimitCode =
  | "drain"
  | "hold"
  | "quota"
  | "backoff"
  | "budget"
  | "organization"
  | "rate"
  | "quarantine"
  | "paused"
  | "join"
  | "max";

export interface Limit {
  readonly code: LimitCode;
  /** So many more machines may be started now. */
  readonly room: number;
  /** For a person; it continues "pool linux …". */
  readonly sentence: string;
  /** When that may be otherwise; null: when somebody or a build changes it. */
  readonly until: number | null;
}

/** One worker of the pool. Times are milliseconds since the epoch, all by one clock. */
export interface PoolRow {
  readonly workerId: number;
  readonly number: number;
  /** Null: of a pool that machines join. */
  readonly state: LatentState | null;
  readonly isConnected: boolean;
  /** Of a pool that machines join: a machine has the place. */
  readonly isJoined: boolean;
  /** Builds that it has or that wait for its machine. */
  readonly builds: number;
  /** Its machine has done what it may do: the next build on this worker has another. */
  readonly isWorn: boolean;
  readonly isPaused: boolean;
  /** Its machine takes no more builds, and goes when those that it has are over. */
  readonly isGoing: boolean;
  readonly quarantinedUntil: number | null;
  readonly quarantineReason: string | null;
  readonly isWished: boolean;
}

export interface PoolFacts {
  readonly now: number;
  /** Others make its machines. */
  readonly isJoined: boolean;
  readonly options: PoolOptions;
  readonly steering: {
    readonly how: "hold" | "drain";
    readonly by: string;
    readonly reason: string;
  } | null;
  readonly backoff: {
    readonly until: number;
    readonly code: string | null;
    readonly reason: string;
    /** Machines that were started since to see whether it works again. */
    readonly onTrial: number;
  } | null;
  /** When machines were asked for within the last minute, oldest first; read when there is a rate. */
  readonly starts: readonly number[];
  /** Machines that are wanted and were not asked for yet. */
  readonly wanted: number;
  readonly budget: { readonly usedHours: number; readonly periodEndsAt: number } | null;
  /** Machines that the organisation may have beside those it has; null: as many as are wanted. */
  readonly organization: { readonly left: number; readonly sentence: string } | null;
  readonly rows: readonly PoolRow[];
}

const MINUTE_MS = 60_000;
const AT_REST: ReadonlySet<string> = new Set(["insubstantiated", "shut-down"]);

export const isAtRest = (row: PoolRow) => row.state !== null && AT_REST.has(row.state);
export const isResting = ({ quarantinedUntil }: PoolRow, now: number) =>
  quarantinedUntil !== null && quarantinedUntil > now;
/** Its machine is on its way out; a build may have the next one on the same worker. */
export const isTurningOver = (row: PoolRow) =>
  (row.state === "insubstantiating" && !row.isGoing) ||
  (row.state === "substantiated" && row.builds === 0 && (row.isWorn || !row.isConnected));

/** Those that have a machine, or are about to. */
export function sizeOf({ rows, isJoined }: PoolFacts): number {
  return rows.filter((row) => (isJoined ? row.isConnected || row.isJoined : !isAtRest(row))).length;
}

/** Those that count, the tightest first. */
export function limitsOf(facts: PoolFacts): Limit[] {
  const all = [
    steered(facts),
    ...(facts.isJoined
      ? [joined(facts)]
      : [backedOff(facts), budget(facts), organization(facts), rate(facts)]),
    ...(facts.isJoined ? [] : barred(facts)),
    most(facts),
  ];
  return all
    .filter((limit) => limit !== null)
    .map((limit) => ({ ...limit, room: Math.max(0, limit.room) }))
    .sort((a, b) => a.room - b.room);
}

export const roomOf = (limits: readonly Limit[]) =>
  limits.reduce((room, limit) => Math.min(room, limit.room), Number.POSITIVE_INFINITY);

/** What keeps the pool from having so many machines more than it has. */
export const whyNotLarger = (limits: readonly Limit[], wanted: number) =>
  limits.filter(({ room }) => room < wanted);

function steered({ steering }: PoolFacts): Limit | null {
  if (!steering) return null;
  const { how, by, reason } = steering;
  const what = how === "hold" ? "is held" : "is being drained";
  const sentence = `${what} by ${by}${reason ? `: ${reason}` : ""}`;
  return { code: how, room: 0, sentence, until: null };
}

function backedOff({ backoff, now }: PoolFacts): Limit | null {
  if (!backoff) return null;
  const code = backoff.code === "quota" || backoff.code === "no-capacity" ? "quota" : "backoff";
  if (backoff.until > now) {
    const sentence = `starts nothing until ${momentText(backoff.until)}: ${backoff.reason}`;
    return { code, room: 0, sentence, until: backoff.until };
  }
  const sentence = `starts one machine at a time until one has logged in: ${backoff.reason}`;
  return { code, room: 1 - backoff.onTrial, sentence, until: null };
}

function budget({ budget, options }: PoolFacts): Limit | null {
  if (!budget || !options.budget) return null;
  const { hours, per } = options.budget;
  const used = Math.floor(budget.usedHours * 10) / 10;
  if (budget.usedHours < hours) return null;
  const sentence = `has used ${used} of ${hours} machine hours of this ${per} (UTC)`;
  return { code: "budget", room: 0, sentence, until: budget.periodEndsAt };
}

function organization({ organization, wanted }: PoolFacts): Limit | null {
  if (!organization) return null;
  const { left, sentence } = organization;
  return { code: "organization", room: left - wanted, sentence, until: null };
}

function rate({ options, starts, wanted, now }: PoolFacts): Limit | null {
  const { scaleUpRate } = options;
  if (scaleUpRate === null) return null;
  const recent = starts.filter((at) => at > now - MINUTE_MS);
  const room = scaleUpRate - recent.length - wanted;
  const sentence = `starts ${scaleUpRate} machines a minute at most`;
  const [oldest] = recent;
  return { code: "rate", room, sentence, until: oldest === undefined ? null : oldest + MINUTE_MS };
}

/** Places whose worker may not be started now take room away from the whole. */
function barred(facts: PoolFacts): (Limit | null)[] {
  const { rows, now } = facts;
  const idle = rows.filter((row) => isAtRest(row) || isTurningOver(row));
  const resting = idle.filter((row) => isResting(row, now) && !row.isPaused);
  const paused = idle.filter(({ isPaused }) => isPaused);
  const room = places(facts) - resting.length - paused.length;
  const [first] = [...resting].sort((a, b) => until(a) - until(b));
  return [
    first
      ? {
          ...{ code: "quarantine", room, until: until(first) },
          sentence: `has ${count(resting)} in quarantine, the first until ${momentText(until(first))}${
            first.quarantineReason ? `: ${first.quarantineReason}` : ""
          }`,
        }
      : null,
    paused.length > 0
      ? { code: "paused", room, until: null, sentence: `has ${count(paused)} paused` }
      : null,
  ];
}

function most(facts: PoolFacts): Limit {
  const { maxWorkers } = facts.options;
  const sentence = `may have ${maxWorkers} machine${maxWorkers === 1 ? "" : "s"} (maxWorkers)`;
  return { code: "max", room: places(facts), sentence, until: null };
}

/** Nothing of ours makes it larger. */
function joined(facts: PoolFacts): Limit {
  const sentence = "grows when machines join it; Slipway starts none";
  return { code: "join", room: facts.isJoined ? 0 : places(facts), sentence, until: null };
}

/** A machine that is being stopped makes place for the next on the same worker. */
const places = (facts: PoolFacts) =>
  facts.options.maxWorkers - sizeOf(facts) + facts.rows.filter(isTurningOver).length;

const until = (row: PoolRow) => row.quarantinedUntil ?? 0;
const count = (rows: readonly PoolRow[]) =>
  rows.length === 1 ? "1 worker" : `${rows.length} workers`;
