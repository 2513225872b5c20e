/**
 * Builders as rows, with their configuration and workers: added, changed, or marked as removed; never
 * deleted. As many statements for a thousand as for one.
 */
import type { Queryable } from "../db/pool";
import type { BuilderId, OrgId, ProjectId, WorkerId } from "../domain/ids";
import { accessesOf, type LockAccess } from "../domain/locks";
import { type Changes, noteWritten } from "./changes";
import { type CompiledBuilder, canonicalJson, compileBuilder, configHash } from "./compile";
import { buildDirectory, placedBuilders } from "./cross-check";
import type { Documents, OrganizationDocument } from "./schema";

interface BuilderRow {
  id: BuilderId;
  name: string;
  project_id: ProjectId | null;
  description: string;
  tags: string[];
  can_start_build: string | null;
  locks: LockAccess[];
  hash: Buffer | null;
  workers: WorkerId[];
  gone: boolean;
}

/** What a row must say, and what belongs to it. */
interface Written {
  readonly columns: Pick<
    BuilderRow,
    "name" | "project_id" | "description" | "tags" | "can_start_build" | "locks"
  > & { readonly builddir: string };
  readonly workers: readonly WorkerId[];
  readonly config: CompiledBuilder;
  readonly hash: Buffer;
}

export async function writeBuilders(
  tx: Queryable,
  orgId: OrgId,
  documents: Documents & { readonly organization: OrganizationDocument },
  projectIds: ReadonlyMap<string, ProjectId>,
  changes: Changes,
): Promise<void> {
  const rows = await tx.rows<BuilderRow>(
    `select b.id, b.name, b.project_id, b.description, b.tags, b.can_start_build, b.locks, c.hash,
       b.removed_at is not null as gone,
       (select coalesce(json_agg(x.worker_id order by x.worker_id), '[]') from builder_worker x
          join worker w on w.id = x.worker_id where x.builder_id = b.id and w.pool_id is null) as workers
     from builder b left join builder_config c on c.id = b.current_config_id where b.org_id = $1`,
    [orgId],
  );
  const workerIds = await workersByName(tx, orgId);
  const known = new Map(rows.map((row) => [row.name, row]));
  const placed = placedBuilders(documents);
  const written = placed.flatMap(({ project, builder }): Written[] => {
    const config = compileBuilder(builder, documents.organization);
    const hash = configHash(config);
    const wanted = {
      project_id: projectIds.get(project) ?? null,
      description: builder.description ?? "",
      tags: [...new Set(builder.tags ?? [])],
      can_start_build: builder.canStartBuild ?? null,
      locks: accessesOf(builder.locks),
    };
    const workers = config.workernames
      .flatMap((name) => workerIds.get(name) ?? [])
      .sort((a, b) => a - b);
    const row = known.get(builder.name);
    const isSame = row?.hash?.equals(hash) && hasAll(row, { ...wanted, workers, gone: false });
    if (isSame) return [];
    noteWritten(changes, `builder ${builder.name}`, row);
    const columns = { name: builder.name, builddir: buildDirectory(builder), ...wanted };
    return [{ columns, workers, config, hash }];
  });
  if (written.length > 0) {
    const ids = await upsertBuilders(tx, orgId, written);
    await writeBuilderConfigs(tx, orgId, ids, written);
    await writePairs(tx, orgId, ids, written);
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
    "select id, name from worker where org_id = $1 and removed_at is null and pool_id is null",
    [orgId],
  );
  return new Map(rows.map((row) => [row.name, row.id]));
}

/** @returns their ids, in the same order */
async function upsertBuilders(
  tx: Queryable,
  orgId: OrgId,
  written: readonly Written[],
): Promise<BuilderId[]> {
  const rows = await tx.rows<{ id: BuilderId; name: string }>(
    `insert into builder (org_id, name, project_id, description, tags, builddir, can_start_build, locks)
     select $1, w.* from jsonb_to_recordset($2::jsonb) as w (name text, project_id bigint,
       description text, tags text[], builddir text, can_start_build text, locks jsonb)
     on conflict (org_id, name) do update set project_id = excluded.project_id,
       description = excluded.description, tags = excluded.tags, builddir = excluded.builddir,
       can_start_build = excluded.can_start_build, locks = excluded.locks, removed_at = null
     returning id, name`,
    [orgId, JSON.stringify(written.map(({ columns }) => columns))],
  );
  const ids = new Map(rows.map(({ id, name }) => [name, id]));
  return written.map(({ columns }) => ids.get(columns.name) as BuilderId);
}

async function writeBuilderConfigs(
  tx: Queryable,
  orgId: OrgId,
  ids: readonly BuilderId[],
  written: readonly Written[],
): Promise<void> {
  await tx.rows(
    `with wanted as (
       select * from unnest($2::bigint[], $3::bytea[], $4::text[]) as w (builder_id, hash, config)),
     made as (
       insert into builder_config (org_id, builder_id, hash, config)
       select $1, builder_id, hash, config::jsonb from wanted
       on conflict (builder_id, hash) do nothing returning id, builder_id)
     update builder set current_config_id = coalesce(made.id, c.id)
     from wanted left join made using (builder_id)
       left join builder_config c on c.builder_id = wanted.builder_id and c.hash = wanted.hash
     where builder.id = wanted.builder_id`,
    [
      orgId,
      ids,
      written.map(({ hash }) => hash),
      written.map(({ config }) => canonicalJson(config)),
    ],
  );
}

async function writePairs(
  tx: Queryable,
  orgId: OrgId,
  ids: readonly BuilderId[],
  written: readonly Written[],
): Promise<void> {
  const pairs = written.flatMap(({ workers }, index) =>
    workers.map((worker) => ({ builder: ids[index], worker })),
  );
  const builders = pairs.map(({ builder }) => builder);
  const workers = pairs.map(({ worker }) => worker);
  await tx.rows(
    `delete from builder_worker b using worker k where b.builder_id = any($1) and k.id = b.worker_id
       and k.pool_id is null and not exists (
       select from unnest($2::bigint[], $3::bigint[]) as w (builder_id, worker_id)
       where w.builder_id = b.builder_id and w.worker_id = b.worker_id)`,
    [ids, builders, workers],
  );
  await tx.rows(
    `insert into builder_worker (org_id, builder_id, worker_id)
     select $1, * from unnest($2::bigint[], $3::bigint[]) on conflict do nothing`,
    [orgId, builders, workers],
  );
}
