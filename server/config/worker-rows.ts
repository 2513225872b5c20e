/**
 * Workers as rows: added, changed, or marked as removed; never deleted. As many statements for a
 * thousand as for one.
 */
import type { Queryable } from "../db/pool";
import { AppError } from "../domain/errors";
import type { OrgId, WorkerId } from "../domain/ids";
import { accessesOf } from "../domain/locks";
import { isLatentType } from "../drivers/driver-schema";
import { type Changes, noteWritten } from "./changes";
import { canonicalJson } from "./compile";
import { expectWorkers } from "./expect-workers";
import { writeLatent } from "./latent-rows";
import type { PasswordPlan } from "./passwords";
import type { WorkerOptions } from "./worker-schema";

export interface PlannedWorker {
  readonly options: WorkerOptions;
  /** Null: the row's stays as it is. */
  readonly password: PasswordPlan | null;
  /** Its secret has another value now. */
  readonly isRotated: boolean;
}

interface WorkerRow {
  id: WorkerId;
  name: string;
  kind: string;
  config: unknown;
  password_secret: string | null;
  gone: boolean;
}

/** What a row must say. */
interface Written {
  readonly row: WorkerRow | undefined;
  readonly name: string;
  readonly kind: string;
  readonly config: { readonly max_builds?: number | null; readonly locks?: unknown };
  readonly password: PasswordPlan | null;
}

export async function writeWorkers(
  tx: Queryable,
  org: { readonly orgId: OrgId; readonly slug: string },
  workers: readonly PlannedWorker[],
  changes: Changes,
): Promise<void> {
  const rows = await tx.rows<WorkerRow>(
    `select id, name, kind, config, password_secret, removed_at is not null as gone
     from worker where org_id = $1 and pool_id is null`,
    [org.orgId],
  );
  const known = new Map(rows.map((row) => [row.name, row]));
  const written = workers.flatMap(({ options, password, isRotated }): Written[] => {
    const { name, type: kind, password: _, ...config } = options;
    const worker = { row: known.get(name), name, kind, config, password };
    return isRotated || !isSame(worker) ? [worker] : [];
  });
  await insertWorkers(
    tx,
    org,
    written.filter(({ row }) => !row),
  );
  await updateWorkers(
    tx,
    written.filter(({ row }) => row),
  );
  for (const { name, row } of written) noteWritten(changes, `worker ${name}`, row);

  const wanted = new Set(workers.map(({ options }) => options.name));
  const removed = rows.filter((row) => !row.gone && !wanted.has(row.name));
  if (removed.length > 0) {
    const ids = removed.map((row) => row.id);
    await tx.rows("update worker set removed_at = now() where id = any($1)", [ids]);
    await tx.rows("delete from builder_worker where worker_id = any($1)", [ids]);
    changes.removed.push(...removed.map((row) => `worker ${row.name}`));
  }
  await writeLatent(
    tx,
    org.orgId,
    written,
    removed.map(({ name }) => name),
  );
  await expectWorkers(
    tx,
    org.orgId,
    [...written, ...removed].map(({ name }) => name),
  );
}

function isSame({ row, kind, config, password }: Written): boolean {
  return (
    row !== undefined &&
    !row.gone &&
    row.kind === kind &&
    canonicalJson(row.config) === canonicalJson(config) &&
    (password === null || (password.secret === row.password_secret && password.sealed === null))
  );
}

/**
 * The login name is the worker's own name when that is free in the installation, else it carries
 * the organisation's; once given it stays. The unique index decides races and sees what this
 * organisation may not.
 */
async function insertWorkers(
  tx: Queryable,
  org: { readonly orgId: OrgId; readonly slug: string },
  workers: readonly Written[],
): Promise<void> {
  let left = workers;
  for (const prefix of ["", `${org.slug}/`]) {
    if (left.length === 0) return;
    const made = await tx.rows<{ name: string }>(
      `insert into worker
         (org_id, name, login_name, kind, config, max_builds, locks, password_secret, sealed_password)
       select $1, name, $2 || name, kind, config::jsonb, max_builds, locks::jsonb, secret, sealed
       from unnest($3::text[], $4::text[], $5::text[], $6::int[], $7::text[], $8::text[], $9::bytea[])
         as w (name, kind, config, max_builds, locks, secret, sealed)
       on conflict do nothing returning name`,
      [org.orgId, prefix, left.map(({ name }) => name), ...columns(left)],
    );
    const names = new Set(made.map(({ name }) => name));
    left = left.filter(({ name }) => !names.has(name));
  }
  const [taken] = left;
  if (!taken) return;
  throw new AppError("request.conflict", { problem: `the name ${taken.name} is taken` });
}

async function updateWorkers(tx: Queryable, workers: readonly Written[]): Promise<void> {
  if (workers.length === 0) return;
  await tx.rows(
    `update worker set kind = w.kind, config = w.config::jsonb, max_builds = w.max_builds,
       locks = w.locks::jsonb, removed_at = null,
       password_secret = case when w.has_password then w.secret else password_secret end,
       sealed_password = case when w.forgets then null else coalesce(w.sealed, sealed_password) end
     from unnest($1::bigint[], $2::boolean[], $3::boolean[], $4::text[], $5::text[], $6::int[], $7::text[],
         $8::text[], $9::bytea[])
       as w (id, has_password, forgets, kind, config, max_builds, locks, secret, sealed)
     where worker.id = w.id`,
    [
      workers.map(({ row }) => row?.id),
      workers.map(({ password }) => password !== null),
      // A latent worker has none until a machine is made for it.
      workers.map(({ row, kind }) => row?.kind !== kind && isLatentType(kind)),
      ...columns(workers),
    ],
  );
}

/** Kind, configuration, `max_builds`, locks, secret and sealed password of each. */
function columns(workers: readonly Written[]): unknown[][] {
  return [
    workers.map(({ kind }) => kind),
    workers.map(({ config }) => JSON.stringify(config)),
    workers.map(({ config }) => config.max_builds ?? null),
    workers.map(({ config }) => JSON.stringify(accessesOf(config.locks))),
    workers.map(({ password }) => password?.secret ?? null),
    workers.map(({ password }) => password?.sealed ?? null),
  ];
}
