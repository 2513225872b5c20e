/** Pools over the latent workers' rig: their machines are made by its fake cloud. */
import { only } from "../../server/db/pool";
import type { BuilderId, PoolId, WorkerId } from "../../server/domain/ids";
import type { PoolFigures, PoolOptions } from "../../server/domain/pools";
import { giveOut, tendPools } from "../../server/engine";
import { CALLER, until } from "./engine-rig";
import { createLatentRig, type JobsProcess, KIND, type LatentRig } from "./latent-rig";

export interface PoolState {
  readonly figures: PoolFigures;
  readonly backoff_until: Date | null;
  readonly backoff_reason: string | null;
  readonly backoff_count: number;
}

export interface PlaceRow {
  readonly id: WorkerId;
  readonly name: string;
  readonly login_name: string;
  readonly number: number;
  readonly state: string | null;
  readonly is_open: boolean | null;
  readonly is_wished: boolean | null;
  readonly builds: number;
  readonly quarantined: boolean;
}

export interface PoolRig extends LatentRig {
  addPool(
    name: string,
    options?: Partial<PoolOptions> & { readonly worker?: object },
  ): Promise<PoolId>;
  /** A builder that may use these pools. */
  addPooled(
    name: string,
    pools: readonly PoolId[],
    steps?: readonly object[],
    workers?: readonly WorkerId[],
  ): Promise<BuilderId>;
  /** What the jobs process does whenever something may have become possible. */
  giveOut(jobs: JobsProcess): Promise<number>;
  tend(jobs: JobsProcess): Promise<void>;
  pool(id: PoolId): Promise<PoolState>;
  places(id: PoolId): Promise<PlaceRow[]>;
  /** Until all of its places are at rest. */
  empty(id: PoolId): Promise<void>;
}

export async function createPoolRig(): Promise<PoolRig> {
  const latent = await createLatentRig();
  const { rig } = latent;
  const tending = (jobs: JobsProcess) => ({
    db: { rows: jobs.context.db.rows, transaction: rig.db.transaction },
    actor: jobs.context.actor,
    see: (workerId: WorkerId) => void jobs.fleet.see(workerId),
    announce: () => {},
  });
  // The rig below looks at its own fields: the same object is both.
  const pools: PoolRig = Object.assign(latent, {
    async addPool(
      name: string,
      { worker = {}, ...options }: Partial<PoolOptions> & { readonly worker?: object } = {},
    ) {
      const config = { ...options, worker: { type: KIND, ...worker } };
      const { type } = config.worker;
      const row = await rig.db.rows<{ id: PoolId }>(
        `insert into pool (org_id, name, kind, config, max_workers, build_wait_seconds)
         values (1, $1, $2, $3, $4, 0) returning id`,
        [name, type, JSON.stringify(config), options.maxWorkers ?? 10],
      );
      return only(row).id;
    },
    async addPooled(
      name: string,
      ids: readonly PoolId[],
      steps: readonly object[] = [],
      workers: readonly WorkerId[] = [],
    ) {
      const builder = await rig.addBuilder(name, workers, steps);
      await rig.db.rows(
        "insert into builder_pool (org_id, builder_id, pool_id) select 1, $1, unnest($2::bigint[])",
        [builder, ids],
      );
      await rig.db.rows(
        `insert into builder_worker (org_id, builder_id, worker_id)
         select 1, $1, id from worker where pool_id = any($2) on conflict do nothing`,
        [builder, ids],
      );
      return builder;
    },
    giveOut: (jobs: JobsProcess) =>
      giveOut(
        tending(jobs),
        {
          ...{ db: jobs.context.db, actor: "jobs", now: Date.now, tell: rig.told },
          latent: {
            processId: jobs.id,
            see: (workerId) => void jobs.fleet.see(workerId),
          },
        },
        CALLER.orgId,
      ),
    async tend(jobs: JobsProcess) {
      await tendPools(tending(jobs), CALLER.orgId);
    },
    pool: async (id: PoolId) =>
      only(await rig.db.rows<PoolState>("select * from pool where id = $1", [id])),
    places: (id: PoolId) =>
      rig.db.rows<PlaceRow>(
        `select w.id, w.name, w.login_name, w.pool_number as number, l.state, l.is_open, l.is_wished,
           (select count(*)::int from build b where b.worker_id = w.id and b.state <> 'finished') as builds,
           coalesce(w.quarantined_until > now(), false) as quarantined
         from worker w left join latent_worker l on l.worker_id = w.id
         where w.pool_id = $1 and w.removed_at is null order by w.pool_number`,
        [id],
      ),
    async empty(id: PoolId) {
      await until(async () =>
        (await pools.places(id)).every(({ state }) => state === "insubstantiated"),
      );
    },
  } satisfies Omit<PoolRig, keyof LatentRig>);
  return pools;
}
