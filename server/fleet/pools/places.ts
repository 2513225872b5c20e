/**
 * Places of pools as rows: a worker with a name of its own, its life, and its builders. A place that was
 * there before is the same worker again. As many statements for a hundred as for one.
 */
import type { Queryable } from "../../db/pool";
import { PLACE_BUILDS, PLACE_CONFIG } from "../../db/pool-rows";
import { Batch } from "../../db/transition";
import type { PoolId, WorkerId } from "../../domain/ids";
import { isJoined, poolWorkerName } from "../../domain/pools";
import type { Pool } from "./load";

/** @returns the workers of these numbers, in their order */
export async function makePlaces(
  tx: Queryable,
  pool: Pick<Pool, "id" | "orgId" | "orgSlug" | "name" | "kind">,
  numbers: readonly number[],
  actor: string,
): Promise<WorkerId[]> {
  if (numbers.length === 0) return [];
  const names = numbers.map((number) => poolWorkerName(pool.name, number));
  const rows = await tx.rows<Place>(REVIVE, [pool.orgId, pool.id, names, numbers]);
  // The unique index sees what this organisation may not, and decides who was quicker.
  for (const prefix of ["", `${pool.orgSlug}/`]) {
    const known = new Set(rows.map(({ number }) => number));
    const left = numbers.filter((number) => !known.has(number));
    if (left.length === 0) break;
    const own = left.map((number) => poolWorkerName(pool.name, number));
    rows.push(...(await tx.rows<Place>(MAKE, [pool.orgId, pool.id, own, left, prefix])));
  }
  const ids = await pairPlaces(tx, pool, rows);
  if (!isJoined(pool.kind)) await makeLives(tx, pool, ids, actor);
  const made = new Map(rows.map(({ id, number }) => [number, id]));
  return numbers.flatMap((number) => made.get(number) ?? []);
}

interface Place {
  readonly id: WorkerId;
  readonly number: number;
}

const WANTED = `wanted as (
      select w.name, w.number, p.* from unnest($3::text[], $4::int[]) as w (name, number)
      cross join (select p.kind, ${PLACE_CONFIG} as config, ${PLACE_BUILDS} as builds, p.locks from pool p where p.id = $2) p)`;

/** What was a worker of this name before is the place again. */
const REVIVE = {
  name: "revive-places",
  text: `with ${WANTED}
    update worker k set kind = w.kind, config = w.config, max_builds = w.builds, locks = w.locks, pool_id = $2,
      pool_number = w.number, removed_at = null, password_secret = null, sealed_password = null
    from wanted w where k.org_id = $1 and k.name = w.name returning k.id, k.pool_number as number`,
};

/** The login name is the place's own where that is free in the installation, and it stays. */
const MAKE = {
  name: "make-places",
  text: `with ${WANTED}
    insert into worker (org_id, name, login_name, kind, config, max_builds, locks, pool_id, pool_number)
    select $1, w.name, $5 || w.name, w.kind, w.config, w.builds, w.locks, $2, w.number from wanted w
    on conflict do nothing returning id, pool_number as number`,
};

/** Builders that may use the pool may use its new places. */
async function pairPlaces(
  tx: Queryable,
  pool: Pick<Pool, "id" | "orgId">,
  places: readonly Place[],
): Promise<WorkerId[]> {
  const ids = places.map(({ id }) => id);
  await tx.rows(
    {
      name: "pair-places",
      text: `insert into builder_worker (org_id, builder_id, worker_id)
        select $1, x.builder_id, w.id from builder_pool x cross join unnest($3::bigint[]) as w (id)
        where x.pool_id = $2 on conflict do nothing`,
    },
    [pool.orgId, pool.id, ids],
  );
  return ids;
}

async function makeLives(
  tx: Queryable,
  pool: Pick<Pool, "id" | "orgId">,
  workers: readonly WorkerId[],
  actor: string,
): Promise<void> {
  const batch = new Batch(pool.orgId);
  const ids = batch.value(workers, "bigint[]");
  batch.with(
    "known",
    `update latent_worker set is_latent = true where worker_id = any(${ids}) and not is_latent`,
  );
  const reason = "nothing has wanted it yet";
  const select = `select w.id, p.build_wait_seconds, '${reason}' from worker w join pool p on p.id = w.pool_id
    where w.id = any(${ids}) and not exists (select from latent_worker o where o.worker_id = w.id)`;
  const columns = ["worker_id", "build_wait_seconds", "reason"];
  batch.createAll(
    "made",
    "latent_worker",
    "insubstantiated",
    { columns, select },
    { reason, actor },
  );
  // Whoever was at rest for good may run again.
  batch.with(
    "seen",
    `insert into deadline (org_id, kind, subject_id, fire_at, reason)
     select org_id, 'latent-worker', worker_id, now(), 'it is a place of its pool again' from latent_worker
     where worker_id = any(${ids}) and state = 'shut-down'
     on conflict (kind, subject_id) do update set fire_at = excluded.fire_at`,
  );
  await batch.commit(tx);
}

/** Places above what a pool may have, once nothing is on them. */
export async function retirePlaces(tx: Queryable, pools: readonly PoolId[]): Promise<void> {
  await tx.rows(
    {
      name: "retire-places",
      text: `with retired as (
          update worker w set removed_at = now() from pool p
          where p.id = any($1) and w.pool_id = p.id and w.pool_number > p.max_workers and w.removed_at is null
            and w.session_id is null
            and not exists (select from latent_worker l where l.worker_id = w.id and l.state not in ('insubstantiated', 'shut-down'))
            and not exists (select from build x where x.worker_id = w.id and x.state <> 'finished')
          returning w.id)
        delete from builder_worker b using retired r where b.worker_id = r.id`,
    },
    [pools],
  );
}
