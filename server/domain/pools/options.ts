/** What a pool's life needs to know of its configuration. Seconds throughout; null: no such limit. */
export interface PoolOptions {
  /** Machines that wait for the next build. */
  readonly minIdle: number;
  readonly maxWorkers: number;
  readonly maxBuildsPerWorker: number;
  /** A machine without a build is kept so long; null: as its kind of worker has it. */
  readonly idleTimeout: number | null;
  /** After its login a machine takes builds for so long. */
  readonly maxLifetime: number | null;
  readonly maxBuildsPerInstance: number | null;
  /** Machines started within a minute. */
  readonly scaleUpRate: number | null;
  /** Hours of machines in a day or a month (UTC). */
  readonly budget: { readonly hours: number; readonly per: "day" | "month" } | null;
}

export const POOL_DEFAULTS: PoolOptions = {
  minIdle: 0,
  maxWorkers: 10,
  maxBuildsPerWorker: 1,
  idleTimeout: null,
  maxLifetime: null,
  maxBuildsPerInstance: null,
  scaleUpRate: null,
  budget: null,
};

export const MOST_WORKERS = 10_000;
/** Of a pool that machines join: so long after its connection ended, another may have its place. */
export const RELEASE_SECONDS = 120;
/** And so long after it was given the place, it must have connected. */
export const JOIN_SECONDS = 300;

/** A pool that machines of others join makes none itself. */
export const isJoined = (kind: string) => kind === "Worker";

/** `linux-3`: one place of a pool, whichever machine has it (K-030). */
export const poolWorkerName = (pool: string, number: number) => `${pool}-${number}`;

/** Whether a worker of this name could be the pool's; 0 is for ordinals of those who count from there. */
export function isPlaceOf(pool: string, worker: string): boolean {
  return worker.startsWith(`${pool}-`) && /^(0|[1-9]\d{0,4})$/.test(worker.slice(pool.length + 1));
}
