/**
 * Sees to the size of an organisation's pools (K-031 to K-033): what waits is given out in thought, and as
 * many places are opened as that takes. It is called for every reason to look, before the distributor
 * gives out in earnest, and does not ask which one it was; whoever looks again comes to the same.
 */
import type { Database, Queryable } from "../../db/pool";
import type { OrgId, PoolId, WorkerId } from "../../domain/ids";
import { foresee, judge, limitsOf, planPool, roomOf } from "../../domain/pools";
import { hasPools, loadPools, type Pool, retirePlaces, writeBackOff, writePlan } from "../../fleet";
import { FORESEEN, loadPooled } from "../distribute/queue";
import { loadLocks } from "../locks/load-locks";

export interface TendContext {
  readonly db: Pick<Database, "rows" | "transaction">;
  readonly actor: string;
  /** A pool wants something else of this worker. */
  readonly see: (workerId: WorkerId) => void;
  readonly announce: () => void;
}

/** @returns whether the organisation has pools */
export async function tendPools(context: TendContext, orgId: OrgId): Promise<boolean> {
  const { db, actor, see, announce } = context;
  if (!(await hasPools(db, orgId))) return false;
  const seen = await db.transaction((tx) => size(tx, orgId, actor));
  announce();
  for (const workerId of seen) see(workerId);
  return true;
}

async function size(tx: Queryable, orgId: OrgId, actor: string): Promise<WorkerId[]> {
  let pools = await loadPools(tx, orgId);
  if (await judgeAll(tx, pools)) pools = await loadPools(tx, orgId);
  const demand = await demandOf(tx, orgId, pools);
  const seen: WorkerId[] = [];
  for (const pool of pools) {
    const plan = planPool(pool.facts, demand(pool.id));
    seen.push(...(await writePlan(tx, pool, plan, actor)));
  }
  const shrunk = pools.filter(({ facts }) =>
    facts.rows.some(({ number }) => number > facts.options.maxWorkers),
  );
  if (shrunk.length > 0) {
    await retirePlaces(
      tx,
      shrunk.map(({ id }) => id),
    );
  }
  return seen;
}

/** @returns whether one of them starts no more, or again */
async function judgeAll(tx: Queryable, pools: readonly Pool[]): Promise<boolean> {
  let isChanged = false;
  for (const pool of pools) {
    const change = judge(pool.starts, pool.backoffCount);
    await writeBackOff(tx, pool, change);
    isChanged ||= change !== null;
  }
  return isChanged;
}

async function demandOf(tx: Queryable, orgId: OrgId, pools: readonly Pool[]) {
  const builders = await loadPooled(tx, orgId);
  const queues = await queuesOf(
    tx,
    orgId,
    pools.map(({ id }) => id),
  );
  const workers = builders.flatMap((builder) => builder.workers);
  const lockNames = [...builders, ...workers, ...pools].flatMap(({ locks = [] }) =>
    locks.map(({ name }) => name),
  );
  const book = await loadLocks(
    tx,
    orgId,
    lockNames,
    workers.map(({ workerId }) => workerId),
  );
  const rooms = pools.map(({ id, name, locks, facts }) => ({
    ...{ id, name, locks, maxBuilds: facts.options.maxBuildsPerWorker },
    buildsInAll: facts.options.maxBuildsPerInstance,
    room: facts.isJoined ? 0 : Math.min(FORESEEN, roomOf(limitsOf(facts))),
  }));
  const now = pools[0]?.facts.now ?? 0;
  const within = foresee(builders, rooms, now, book);
  // As if there was room for all: what it would take, and so what is lacking.
  const boundless = foresee(
    builders,
    rooms.map((pool) => ({ ...pool, room: FORESEEN })),
    now,
    book,
  );
  return (id: PoolId) => {
    const own = pools.find((pool) => pool.id === id)?.facts.rows ?? [];
    const isFree = (workerId: number) =>
      own.some((row) => row.workerId === workerId && row.builds === 0);
    return {
      queue: queues.get(id) ?? 0,
      fresh: within.fresh.get(id) ?? 0,
      wanted: boundless.fresh.get(id) ?? 0,
      taken: new Set([...within.taken].filter(isFree)),
    };
  };
}

/** More are as good as this many. */
const COUNTED = 10_000;

async function queuesOf(tx: Queryable, orgId: OrgId, pools: readonly PoolId[]) {
  const rows = await tx.rows<{ poolId: PoolId; queue: number }>(
    {
      name: "pool-queues",
      text: `select x.pool_id as "poolId", sum(q.waiting)::int as queue from builder_pool x cross join lateral (
          select count(*) as waiting from (select from build_request r
            where r.org_id = $1 and r.state = 'pending' and r.builder_id = x.builder_id limit ${COUNTED}) r) q
        where x.pool_id = any($2) group by x.pool_id`,
    },
    [orgId, pools],
  );
  return new Map(rows.map(({ poolId, queue }) => [poolId, queue]));
}

/** Organisations with a pool whose time has come. */
export function poolsDue(q: Queryable): Promise<{ orgId: OrgId }[]> {
  return q.rows({
    name: "pools-due",
    text: `select distinct org_id as "orgId" from deadline where kind = 'pool' and fire_at <= now() limit 500`,
  });
}
