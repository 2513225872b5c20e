/** Workers and builders as rows: added, changed, or marked as removed; never deleted. */
import { only, type Queryable } from "../db/pool";
import { AppError } from "../domain/errors";
import type { BuilderId, OrgId, ProjectId, WorkerId } from "../domain/ids";
import { canonicalJson, compileBuilder, configHash } from "./compile";
import { buildDirectory, placedBuilders } from "./cross-check";
import type { PasswordPlan } from "./passwords";
import type { Documents, OrganizationDocument, WorkerOptions } from "./schema";

/** What an activation did, each as "builder runtests". */
export interface Changes {
  readonly added: string[];
  readonly changed: string[];
  readonly removed: string[];
}

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

export async function writeWorkers(
  tx: Queryable,
  org: { readonly orgId: OrgId; readonly slug: string },
  workers: readonly PlannedWorker[],
  changes: Changes,
): Promise<void> {
  const rows = await tx.rows<WorkerRow>(
    `select id, name, kind, config, password_secret, removed_at is not null as gone
     from worker where org_id = $1`,
    [org.orgId],
  );
  const known = new Map(rows.map((row) => [row.name, row]));
  for (const { options, password, isRotated } of workers) {
    const { name, type, password: _, ...config } = options;
    const row = known.get(name);
    if (!row) {
      await insertWorker(tx, org, { name, type, config, password, maxBuilds: config.max_builds });
      changes.added.push(`worker ${name}`);
      continue;
    }
    const isSame =
      !row.gone &&
      row.kind === type &&
      canonicalJson(row.config) === canonicalJson(config) &&
      (password === null || (password.secret === row.password_secret && password.sealed === null));
    if (isSame && !isRotated) continue;
    await tx.rows(
      `update worker set kind = $2, config = $3, max_builds = $4, removed_at = null,
         password_secret = case when $5 then $6 else password_secret end,
         sealed_password = coalesce($7, sealed_password) where id = $1`,
      [
        row.id,
        type,
        JSON.stringify(config),
        config.max_builds ?? null,
        password !== null,
        password?.secret ?? null,
        password?.sealed ?? null,
      ],
    );
    changes[row.gone ? "added" : "changed"].push(`worker ${name}`);
  }
  const wanted = new Set(workers.map(({ options }) => options.name));
  const removed = rows.filter((row) => !row.gone && !wanted.has(row.name));
  if (removed.length === 0) return;
  const ids = removed.map((row) => row.id);
  await tx.rows("update worker set removed_at = now() where id = any($1)", [ids]);
  await tx.rows("delete from builder_worker where worker_id = any($1)", [ids]);
  changes.removed.push(...removed.map((row) => `worker ${row.name}`));
}

/**
 * The login name is the worker's own name when that is free in the installation, else it carries
 * the organisation's; once given it stays. The unique index decides races and sees what this
 * organisation may not.
 */
async function insertWorker(
  tx: Queryable,
  org: { readonly orgId: OrgId; readonly slug: string },
  worker: {
    name: string;
    type: string;
    config: unknown;
    password: PasswordPlan | null;
    maxBuilds: number | null | undefined;
  },
): Promise<void> {
  for (const loginName of [worker.name, `${org.slug}/${worker.name}`]) {
    const made = await tx.rows(
      `insert into worker
         (org_id, name, login_name, kind, config, sealed_password, password_secret, max_builds)
       values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing returning id`,
      [
        org.orgId,
        worker.name,
        loginName,
        worker.type,
        JSON.stringify(worker.config),
        worker.password?.sealed ?? null,
        worker.password?.secret ?? null,
        worker.maxBuilds ?? null,
      ],
    );
    if (made.length > 0) return;
  }
  throw new AppError("request.conflict", { problem: `the name ${worker.name} is taken` });
}

interface BuilderRow {
  id: BuilderId;
  name: string;
  project_id: ProjectId | null;
  description: string;
  tags: string[];
  can_start_build: string | null;
  hash: Buffer | null;
  workers: WorkerId[];
  gone: boolean;
}

export async function writeBuilders(
  tx: Queryable,
  orgId: OrgId,
  documents: Documents & { readonly organization: OrganizationDocument },
  projectIds: ReadonlyMap<string, ProjectId>,
  changes: Changes,
): Promise<void> {
  const rows = await tx.rows<BuilderRow>(
    `select b.id, b.name, b.project_id, b.description, b.tags, b.can_start_build, c.hash, b.removed_at is not null as gone,
       (select coalesce(json_agg(worker_id order by worker_id), '[]') from builder_worker
          where builder_id = b.id) as workers
     from builder b left join builder_config c on c.id = b.current_config_id where b.org_id = $1`,
    [orgId],
  );
  const workerIds = await workersByName(tx, orgId);
  const known = new Map(rows.map((row) => [row.name, row]));
  const placed = placedBuilders(documents);
  for (const { project, builder } of placed) {
    const config = compileBuilder(builder, documents.organization);
    const hash = configHash(config);
    const wanted = {
      project_id: projectIds.get(project) ?? null,
      description: builder.description ?? "",
      tags: [...new Set(builder.tags ?? [])],
      can_start_build: builder.canStartBuild ?? null,
      workers: config.workernames
        .flatMap((name) => workerIds.get(name) ?? [])
        .sort((a, b) => a - b),
      gone: false,
    };
    const row = known.get(builder.name);
    if (row?.hash?.equals(hash) && hasAll(row, wanted)) continue;
    const { id } = only(
      await tx.rows<{ id: BuilderId }>(
        `insert into builder (org_id, name, project_id, description, tags, builddir, can_start_build)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (org_id, name) do update set project_id = excluded.project_id,
           description = excluded.description, tags = excluded.tags, builddir = excluded.builddir,
           can_start_build = excluded.can_start_build, removed_at = null
         returning id`,
        [
          orgId,
          builder.name,
          wanted.project_id,
          wanted.description,
          wanted.tags,
          buildDirectory(builder),
          wanted.can_start_build,
        ],
      ),
    );
    await writeBuilderConfig(tx, orgId, id, config, hash);
    await writePairs(tx, orgId, id, wanted.workers);
    changes[row && !row.gone ? "changed" : "added"].push(`builder ${builder.name}`);
  }
  const names = new Set(placed.map(({ builder }) => builder.name));
  const removed = rows.filter((row) => !row.gone && !names.has(row.name));
  if (removed.length === 0) return;
  const ids = removed.map((row) => row.id);
  await tx.rows("update builder set removed_at = now() where id = any($1)", [ids]);
  await tx.rows("delete from builder_worker where builder_id = any($1)", [ids]);
  changes.removed.push(...removed.map((row) => `builder ${row.name}`));
}

function hasAll(row: BuilderRow, wanted: Partial<BuilderRow>): boolean {
  return Object.entries(wanted).every(
    ([key, value]) => canonicalJson(row[key as keyof BuilderRow]) === canonicalJson(value),
  );
}

async function workersByName(tx: Queryable, orgId: OrgId): Promise<Map<string, WorkerId>> {
  const rows = await tx.rows<{ id: WorkerId; name: string }>(
    "select id, name from worker where org_id = $1 and removed_at is null",
    [orgId],
  );
  return new Map(rows.map((row) => [row.name, row.id]));
}

async function writeBuilderConfig(
  tx: Queryable,
  orgId: OrgId,
  builderId: BuilderId,
  config: unknown,
  hash: Buffer,
): Promise<void> {
  await tx.rows(
    `with made as (
       insert into builder_config (org_id, builder_id, hash, config) values ($1, $2, $3, $4)
       on conflict (builder_id, hash) do nothing returning id)
     update builder set current_config_id = coalesce(
       (select id from made),
       (select id from builder_config where builder_id = $2 and hash = $3))
     where id = $2`,
    [orgId, builderId, hash, canonicalJson(config)],
  );
}

async function writePairs(
  tx: Queryable,
  orgId: OrgId,
  builderId: BuilderId,
  workerIds: readonly WorkerId[],
): Promise<void> {
  await tx.rows("delete from builder_worker where builder_id = $1 and worker_id <> all($2)", [
    builderId,
    workerIds,
  ]);
  await tx.rows(
    `insert into builder_worker (org_id, builder_id, worker_id)
     select $1, $2, unnest($3::bigint[]) on conflict do nothing`,
    [orgId, builderId, workerIds],
  );
}
