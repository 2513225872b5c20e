/**
 * How many machines of its pools the waiting builds would have made: what the distributor itself
 * decides when it is shown, behind the workers that are there, as many new ones as there is room for.
 * So locks, priorities, `max_builds` and machines on their way count here as they count there.
 */
import type { BuildRequestId, PoolId, WorkerId } from "../ids";
import type { LockAccess, LockBook } from "../locks";
import { assign, type Candidate, type WaitingBuilder } from "../scheduling/assign";

export interface PoolRoom {
  readonly id: PoolId;
  readonly name: string;
  readonly room: number;
  readonly maxBuilds: number;
  /** Builds that each machine may have in all; null: any number. */
  readonly buildsInAll?: number | null;
  /** Locks that each build on its workers holds. */
  readonly locks: readonly LockAccess[];
}

export interface PooledBuilder extends WaitingBuilder {
  /** Those that its builds may use, in the order in which they are preferred. */
  readonly pools: readonly PoolId[];
}

export interface Foreseen {
  readonly fresh: ReadonlyMap<PoolId, number>;
  /** Workers that are there and get a build. */
  readonly taken: ReadonlySet<WorkerId>;
  /** Requests that get one or a new machine. */
  readonly served: ReadonlySet<BuildRequestId>;
}

/** @param book is left as it is */
export function foresee(
  builders: readonly PooledBuilder[],
  pools: readonly PoolRoom[],
  now: number,
  book: LockBook,
): Foreseen {
  const poolOf = new Map<WorkerId, PoolId>();
  // No more than there are requests would be used.
  const most = builders.reduce((sum, { requests }) => sum + requests.length, 0);
  const made = new Map(
    pools.map((pool) => [pool.id, newOnes({ ...pool, room: Math.min(pool.room, most) }, poolOf)]),
  );
  const served = new Set<BuildRequestId>();
  const taken = new Set<WorkerId>();
  const used = new Set<WorkerId>();
  const withNew = builders.map(({ pools: ids, ...builder }) => ({
    ...builder,
    workers: [...builder.workers, ...ids.flatMap((id) => made.get(id) ?? [])],
  }));
  for (const { requestId, workerId } of assign(withNew, now, book.copy())) {
    served.add(requestId);
    (poolOf.has(workerId) ? used : taken).add(workerId);
  }
  const fresh = new Map<PoolId, number>();
  for (const workerId of used) {
    const id = poolOf.get(workerId) as PoolId;
    fresh.set(id, (fresh.get(id) ?? 0) + 1);
  }
  return { fresh, taken, served };
}

/** Workers that are not there yet; their ids are below zero. */
function newOnes(pool: PoolRoom, poolOf: Map<WorkerId, PoolId>): Candidate[] {
  return Array.from({ length: pool.room }, (_, index) => {
    const workerId = -(poolOf.size + 1) as WorkerId;
    poolOf.set(workerId, pool.id);
    return {
      ...{ workerId, name: `${pool.name}+${index + 1}`, sessionId: null, locks: pool.locks },
      ...{ isPaused: false, isDraining: false, quarantinedUntil: null, isPairBusy: false },
      ...{ maxBuilds: pool.maxBuilds, busySlots: [] },
      latent: {
        ...{ id: 0, state: "insubstantiated", isConnected: false, isUsed: false },
        ...{ missingSeconds: 0, places: pool.buildsInAll ?? null },
      },
    };
  });
}
