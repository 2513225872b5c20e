/** A pool as its pages show it. */
import type { Queryable } from "../../db/pool";
import { POOL_ROWS } from "../../db/pool-rows";
import {
  isJoined,
  type Limit,
  POOL_DEFAULTS,
  type PoolOptions,
  type PoolRow,
} from "../../domain/pools";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";

export interface PoolWorker extends PoolRow {
  readonly name: string;
  /** Who wants it to go, and why; null when nobody does. */
  readonly goesBecause: string | null;
}

/** Now, counted from its workers. `starting`: wanted or on its way. */
export interface PoolCounts {
  readonly starting: number;
  readonly idle: number;
  readonly busy: number;
  readonly stopping: number;
}

export interface PoolSummary {
  readonly id: number;
  readonly name: string;
  /** Class name of its workers; `Worker`: machines of others that join. */
  readonly kind: string;
  readonly isJoined: boolean;
  readonly labels: readonly string[];
  readonly options: PoolOptions;
  /** Parts of projects by their names; null: it does not look at projects. */
  readonly weights: Readonly<Record<string, number>> | null;
  readonly builders: number;
  readonly steering: {
    readonly how: "hold" | "drain";
    readonly by: string;
    readonly reason: string;
    readonly at: number;
  } | null;
  /** Its machines do not start; `until` may have passed: then one at a time is tried. */
  readonly backoff: {
    readonly until: number;
    readonly code: string | null;
    readonly reason: string;
  } | null;
  readonly counts: PoolCounts;
  /** Requests that may use it, when it was last looked at. */
  readonly queue: number;
  readonly desired: number;
  /** Why it is not larger, the tightest first; empty: it is as large as it wants to be. */
  readonly limits: readonly Limit[];
  readonly lookedAt: number | null;
}

/** What keeps a pool from making machines, for its workers' pages. */
export type PoolHold = Pick<PoolSummary, "id" | "name" | "steering" | "backoff" | "limits">;

/** Over `p` of `pool`. */
const STEERING = `case when p.steering is not null then json_build_object('how', p.steering, 'by', p.steered_by,
      'reason', p.steer_reason, 'at', ${ms("p.steered_at")}) end`;
const BACKOFF = `case when p.backoff_until is not null then json_build_object('until', ${ms("p.backoff_until")},
      'code', p.backoff_code, 'reason', p.backoff_reason) end`;
export const HOLD = `case when p.id is not null then json_build_object('id', p.id, 'name', p.name, 'steering', ${STEERING},
      'backoff', ${BACKOFF}, 'limits', coalesce(p.figures->'limits', '[]')) end`;

interface Row {
  readonly id: number;
  readonly name: string;
  readonly kind: string;
  readonly labels: string[];
  readonly config: Partial<PoolOptions> & { readonly weights?: Record<string, number> };
  readonly max_workers: number;
  readonly builders: number;
  readonly steering: PoolSummary["steering"];
  readonly backoff: PoolSummary["backoff"];
  readonly figures: { queue?: number; desired?: number; limits?: Limit[] };
  readonly lookedAt: number | null;
}

const POOLS = `select p.id, p.name, p.kind, p.labels, p.config, p.max_workers, p.figures, ${ms("p.figures_at")} as "lookedAt",
    (select count(*)::int from builder_pool bp join builder b on b.id = bp.builder_id
      where bp.pool_id = p.id and b.removed_at is null) as builders,
    ${STEERING} as steering, ${BACKOFF} as backoff
  from pool p where p.org_id = $1 and p.removed_at is null and ($2::bigint is null or p.id = $2) order by p.name`;

export interface PoolWithWorkers {
  readonly pool: PoolSummary;
  readonly workers: readonly PoolWorker[];
}

/** @param poolId null: all of the organisation */
export async function readPools(
  tx: Queryable,
  org: Pick<OrgScope, "orgId">,
  poolId: number | null,
): Promise<PoolWithWorkers[]> {
  const pools = await tx.rows<Row>(POOLS, [org.orgId, poolId]);
  if (pools.length === 0) return [];
  const rows = await tx.rows<Omit<PoolWorker, "goesBecause"> & { poolId: number }>(POOL_ROWS, [
    pools.map(({ id }) => id),
  ]);
  const reasons = await whyGoing(tx, rows);
  const workers = rows.map((row) => ({ ...row, goesBecause: reasons.get(row.workerId) ?? null }));
  return pools.map((row) => {
    const own = workers.filter((worker) => worker.poolId === row.id);
    return { pool: summaryOf(row, own), workers: own.map(({ poolId: _, ...worker }) => worker) };
  });
}

/** By worker, of those that are to go. */
async function whyGoing(tx: Queryable, rows: readonly PoolRow[]): Promise<Map<number, string>> {
  const going = rows.filter(({ isGoing }) => isGoing).map(({ workerId }) => workerId);
  if (going.length === 0) return new Map();
  const found = await tx.rows<{ workerId: number; why: string }>(
    `select w.id as "workerId", case when e.actor = 'worker' then e.reason else e.actor || ': ' || e.reason end as why
     from unnest($1::bigint[]) as w (id) cross join lateral (
       select v.kind, v.reason, v.actor from worker_event v where v.worker_id = w.id order by v.id desc limit 20) e
     where e.kind = 'draining'`,
    [going],
  );
  return new Map(found.map(({ workerId, why }) => [workerId, why]));
}

function summaryOf(row: Row, workers: readonly PoolWorker[]): PoolSummary {
  const { id, name, kind, labels, builders, steering, backoff, figures, lookedAt } = row;
  return {
    ...{ id, name, kind, labels, builders, steering, backoff, lookedAt },
    isJoined: isJoined(kind),
    options: optionsOf(row.config),
    weights: row.config.weights ?? null,
    counts: countsOf(workers),
    queue: figures.queue ?? 0,
    desired: figures.desired ?? 0,
    limits: figures.limits ?? [],
  };
}

function optionsOf(config: Partial<PoolOptions>): PoolOptions {
  const { minIdle, maxWorkers, maxBuildsPerWorker, idleTimeout, maxLifetime } = {
    ...POOL_DEFAULTS,
    ...config,
  };
  const { maxBuildsPerInstance, scaleUpRate, budget } = { ...POOL_DEFAULTS, ...config };
  return {
    ...{ minIdle, maxWorkers, maxBuildsPerWorker, idleTimeout, maxLifetime },
    ...{ maxBuildsPerInstance, scaleUpRate, budget },
  };
}

function countsOf(workers: readonly PoolWorker[]): PoolCounts {
  const isUp = ({ state, isConnected }: PoolWorker) =>
    isConnected && (state === null || state === "substantiated");
  const isComing = (worker: PoolWorker) =>
    worker.state === null
      ? worker.isJoined && !worker.isConnected
      : ["substantiating", "starting", "resubstantiating"].includes(worker.state);
  return {
    starting: workers.filter(isComing).length,
    idle: workers.filter((worker) => isUp(worker) && !worker.isGoing && worker.builds === 0).length,
    busy: workers.filter((worker) => isUp(worker) && worker.builds > 0).length,
    stopping: workers.filter(
      ({ state, isGoing, builds }) => state === "insubstantiating" || (isGoing && builds === 0),
    ).length,
  };
}
