/**
 * How large a pool is to be: a pure function of what is known of it, so that whoever looks, after
 * whatever was lost, comes to the same. Builds choose their machines in the distributor; this says
 * which workers of the pool may have a machine made, and which are to have one without a build.
 */
import {
  isAtRest,
  isResting,
  isTurningOver,
  type Limit,
  limitsOf,
  type PoolFacts,
  type PoolRow,
  roomOf,
  whyNotLarger,
} from "./limits";

/** What waits, as the distributor would give it out (`foresee`). */
export interface Demand {
  /** Requests of builders that may use the pool. */
  readonly queue: number;
  /** Machines that would be started for those that can start now, within `room`. */
  readonly fresh: number;
  /** The same if there was room for all. */
  readonly wanted: number;
  /** Workers that have a machine and get one of these builds. */
  readonly taken: ReadonlySet<number>;
}

/** A worker of the pool, or the number of one that is to be made. */
export type Place = { readonly workerId: number } | { readonly number: number };

export interface PoolPlan {
  /** The next builds may have machines made here. */
  readonly open: readonly Place[];
  /** These are to have a machine without a build. */
  readonly wish: readonly Place[];
  readonly figures: PoolFigures;
  /** When to look again at the latest; null: when something happens. */
  readonly until: number | null;
}

/** What is drawn. */
export interface PoolFigures {
  readonly queue: number;
  readonly desired: number;
  readonly starting: number;
  readonly idle: number;
  readonly busy: number;
  readonly stopping: number;
  /** Why it is not larger, the tightest first; empty: it is as large as it wants to be. */
  readonly limits: readonly Limit[];
}

export function planPool(facts: PoolFacts, demand: Demand): PoolPlan {
  const { options, steering, rows } = facts;
  const limits = limitsOf(facts);
  const room = facts.isJoined ? 0 : roomOf(limits);
  const fresh = Math.min(demand.fresh, room);
  const places = choosePlaces(facts, room);
  const spare = steering?.how === "drain" ? [] : sparesOf(facts, demand.taken);
  const minIdle = steering?.how === "drain" || facts.isJoined ? 0 : options.minIdle;
  const lacking = Math.max(0, minIdle - spare.length);
  const figures = figuresOf(facts, demand);
  const missing = Math.max(demand.wanted, fresh) + lacking;
  const nextLimit = limits.map(({ until }) => until).filter((at) => at !== null);
  return {
    open: places.slice(0, fresh),
    wish: [
      ...spare.slice(0, minIdle).map(idOf),
      // A build is about to have it, and it must not go before.
      ...rows.filter((row) => row.isWished && demand.taken.has(row.workerId)).map(idOf),
      ...places.slice(fresh, fresh + lacking),
    ],
    figures: { ...figures, limits: whyNotLarger(limits, missing) },
    until: missing > room && nextLimit.length > 0 ? Math.min(...nextLimit) : null,
  };
}

const idOf = ({ workerId }: PoolRow) => ({ workerId });

/** Workers at rest by number, then new ones, then those whose machine is just being stopped. */
function choosePlaces(facts: PoolFacts, room: number): Place[] {
  const { rows, options, now } = facts;
  const able = rows.filter(
    (row) =>
      row.number <= options.maxWorkers &&
      !row.isPaused &&
      !row.isGoing &&
      !isResting(row, now) &&
      row.state !== "shut-down",
  );
  const byNumber = (some: readonly PoolRow[]): Place[] =>
    [...some].sort((a, b) => a.number - b.number).map(({ workerId }) => ({ workerId }));
  const places = byNumber(able.filter(isAtRest));
  const known = new Set(rows.map(({ number }) => number));
  for (let number = 1; number <= options.maxWorkers && places.length < room; number += 1) {
    if (!known.has(number)) places.push({ number });
  }
  return [...places, ...byNumber(able.filter(isTurningOver))].slice(0, Math.max(0, room));
}

/** Machines that no build has or is about to get; those that are wished for already stay so. */
function sparesOf({ rows, options, now }: PoolFacts, taken: ReadonlySet<number>): PoolRow[] {
  return rows
    .filter(
      (row) =>
        row.state !== null &&
        !isAtRest(row) &&
        !isTurningOver(row) &&
        row.number <= options.maxWorkers &&
        row.builds === 0 &&
        !row.isPaused &&
        !row.isGoing &&
        !isResting(row, now) &&
        !taken.has(row.workerId),
    )
    .sort((a, b) => Number(b.isWished) - Number(a.isWished) || a.number - b.number);
}

function figuresOf(facts: PoolFacts, demand: Demand): Omit<PoolFigures, "limits"> {
  const { rows, options, steering } = facts;
  const busy = rows.filter(({ builds, isConnected }) => builds > 0 && isConnected).length;
  const awaited = rows.filter(({ builds, isConnected }) => builds > 0 && !isConnected).length;
  const idle = rows.filter(
    (row) =>
      row.builds === 0 && row.isConnected && !row.isGoing && (row.state === null || isUp(row)),
  );
  const starting = rows.filter((row) =>
    row.state === null ? row.isJoined && !row.isConnected : isComing(row),
  ).length;
  const stopping = rows.filter(
    ({ state, isGoing, builds }) => state === "insubstantiating" || (isGoing && builds === 0),
  ).length;
  const used = busy + awaited + demand.taken.size;
  const full = used + Math.max(demand.wanted, demand.fresh) + options.minIdle;
  const present = used + idle.length;
  const wanted =
    steering === null ? full : steering.how === "hold" ? Math.min(full, present) : busy + awaited;
  return {
    ...{ queue: demand.queue, starting, busy, idle: idle.length, stopping },
    desired: Math.min(wanted, options.maxWorkers),
  };
}

const isUp = ({ state }: PoolRow) => state === "substantiated";
const isComing = ({ state }: PoolRow) =>
  state === "substantiating" || state === "starting" || state === "resubstantiating";
