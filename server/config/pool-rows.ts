/**
 * Pools as rows, and who may use them: added, changed, or marked as removed; never deleted. Their workers
 * follow them at once; new ones are made when builds need them. As many statements for a thousand as for
 * one.
 */
import type { Queryable } from "../db/pool";
import { PLACE_BUILDS, PLACE_CONFIG } from "../db/pool-rows";
import type { OrgId } from "../domain/ids";
import { accessesOf } from "../domain/locks";
import { POOL_DEFAULTS } from "../domain/pools/options";
import { buildWaitSeconds } from "../drivers/driver-schema";
import { type Changes, noteWritten } from "./changes";
import { canonicalJson } from "./compile";
import { placedBuilders } from "./cross-check";
import { type PoolDocument, poolsOf } from "./pool-schema";
import type { Documents, OrganizationDocument } from "./schema";

interface PoolRow {
  id: number;
  name: string;
  kind: string;
  config: unknown;
  gone: boolean;
}

export async function writePools(
  tx: Queryable,
  orgId: OrgId,
  pools: readonly PoolDocument[],
  changes: Changes,
): Promise<void> {
  const rows = await tx.rows<PoolRow>(
    "select id, name, kind, config, removed_at is not null as gone from pool where org_id = $1",
    [orgId],
  );
  const known = new Map(rows.map((row) => [row.name, row]));
  const written = pools.flatMap((pool) => {
    const { name, ...config } = pool;
    const row = known.get(name);
    const isSame = row && !row.gone && canonicalJson(row.config) === canonicalJson(config);
    return isSame ? [] : [{ name, config, row }];
  });
  if (written.length > 0) await upsert(tx, orgId, written);
  for (const { name, row } of written) noteWritten(changes, `pool ${name}`, row);
  const wanted = new Set(pools.map(({ name }) => name));
  const removed = rows.filter(({ name, gone }) => !gone && !wanted.has(name));
  if (removed.length === 0) return;
  await tx.rows(REMOVE, [removed.map(({ id }) => id)]);
  changes.removed.push(...removed.map(({ name }) => `pool ${name}`));
}

type Written = { readonly name: string; readonly config: Omit<PoolDocument, "name"> };

/** What its machines fell over may be mended: they are tried anew. */
async function upsert(tx: Queryable, orgId: OrgId, written: readonly Written[]): Promise<void> {
  const rows = written.map(({ name, config }) => {
    const { type, ...options } = config.worker;
    return {
      ...{ name, kind: type, config, labels: config.labels ?? [] },
      max_workers: config.maxWorkers ?? POOL_DEFAULTS.maxWorkers,
      locks: accessesOf(config.worker.locks),
      build_wait_seconds: buildWaitSeconds(type, options),
    };
  });
  const made = await tx.rows<{ id: number }>(
    `insert into pool (org_id, name, kind, config, labels, max_workers, locks, build_wait_seconds)
     select $1, w.* from jsonb_to_recordset($2::jsonb) as w (name text, kind text, config jsonb, labels text[],
       max_workers int, locks jsonb, build_wait_seconds float8)
     on conflict (org_id, name) do update set kind = excluded.kind, config = excluded.config,
       labels = excluded.labels, max_workers = excluded.max_workers, locks = excluded.locks,
       build_wait_seconds = excluded.build_wait_seconds, removed_at = null, judged_since = now(),
       backoff_until = null, backoff_count = 0, backoff_code = null, backoff_reason = null
     returning id`,
    [orgId, JSON.stringify(rows)],
  );
  await tx.rows(FOLLOW, [made.map(({ id }) => id)]);
}

/** Workers that are there take over what their pool says now; their machines keep what they began with. */
const FOLLOW = `with changed as (
    update worker w set kind = p.kind, config = ${PLACE_CONFIG}, max_builds = ${PLACE_BUILDS}, locks = p.locks
    from pool p where p.id = any($1) and w.pool_id = p.id returning w.id, w.org_id, w.kind, p.build_wait_seconds),
  latent as (
    update latent_worker l set build_wait_seconds = c.build_wait_seconds, is_latent = c.kind <> 'Worker'
    from changed c where l.worker_id = c.id returning l.worker_id, l.org_id),
  seen as (
    insert into deadline (org_id, kind, subject_id, fire_at, reason)
    select org_id, 'latent-worker', worker_id, now(), 'its configuration has changed' from latent
    on conflict (kind, subject_id) do update set fire_at = excluded.fire_at, reason = excluded.reason)
  insert into deadline (org_id, kind, subject_id, fire_at, reason)
  select org_id, 'pool', id, now(), 'its configuration has changed' from pool where id = any($1)
  on conflict (kind, subject_id) do update set fire_at = excluded.fire_at, reason = excluded.reason`;

const REMOVE = `with removed as (
    update pool set removed_at = now(), steering = null, steered_at = null, steered_by = null, steer_reason = null,
      figures = '{}' where id = any($1) returning id),
  pairs as (delete from builder_pool where pool_id in (select id from removed)),
  workers as (
    update worker w set removed_at = now() from removed r where w.pool_id = r.id and w.removed_at is null
    returning w.id, w.org_id),
  their_pairs as (delete from builder_worker where worker_id in (select id from workers)),
  due as (delete from deadline d using removed r where d.kind = 'pool' and d.subject_id = r.id)
  insert into deadline (org_id, kind, subject_id, fire_at, reason)
  select w.org_id, 'latent-worker', w.id, now(), 'its pool was removed' from workers w
  join latent_worker l on l.worker_id = w.id
  on conflict (kind, subject_id) do update set fire_at = excluded.fire_at, reason = excluded.reason`;

/** Which builders may use which pools, and so all workers of these. */
export async function syncBuilderPools(
  tx: Queryable,
  orgId: OrgId,
  documents: Documents & { readonly organization: OrganizationDocument },
): Promise<void> {
  const { pools = [] } = documents.organization;
  const pairs = placedBuilders(documents).flatMap(({ builder }) =>
    poolsOf(builder, pools).map(({ name }) => ({ builder: builder.name, pool: name })),
  );
  await tx.rows(SYNC, [orgId, pairs.map(({ builder }) => builder), pairs.map(({ pool }) => pool)]);
  await tx.rows(SYNC_WORKERS, [orgId]);
}

const SYNC = `with wanted as (
    select b.id as builder_id, p.id as pool_id from unnest($2::text[], $3::text[]) as w (builder, pool)
    join builder b on b.org_id = $1 and b.name = w.builder join pool p on p.org_id = $1 and p.name = w.pool),
  gone as (
    delete from builder_pool x where x.org_id = $1 and not exists (
      select from wanted where wanted.builder_id = x.builder_id and wanted.pool_id = x.pool_id))
  insert into builder_pool (org_id, builder_id, pool_id) select $1, builder_id, pool_id from wanted
  on conflict do nothing`;

const SYNC_WORKERS = `with wanted as (
    select x.builder_id, w.id as worker_id from builder_pool x join worker w on w.pool_id = x.pool_id
    where x.org_id = $1 and w.removed_at is null),
  gone as (
    delete from builder_worker x using worker w where x.org_id = $1 and w.id = x.worker_id and w.pool_id is not null
      and not exists (select from wanted where wanted.builder_id = x.builder_id and wanted.worker_id = x.worker_id))
  insert into builder_worker (org_id, builder_id, worker_id) select $1, builder_id, worker_id from wanted
  on conflict do nothing`;
