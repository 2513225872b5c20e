/**
 * Activation (C-001, C-003): new versions of the documents that changed, and the rows that follow
 * from all documents together, in the caller's transaction. Components are compared by value; what
 * is the same is not touched. Builds that run keep the configuration they began with.
 */
import { only, type Queryable } from "../db/pool";
import { AppError } from "../domain/errors";
import type { OrgId, ProjectId } from "../domain/ids";
import { checkForm } from "./check";
import { canonicalJson } from "./compile";
import { crossCheck } from "./cross-check";
import { planPassword } from "./passwords";
import type { Problem } from "./problems";
import { type Changes, type PlannedWorker, writeBuilders, writeWorkers } from "./rows";
import { writeChangeSources, writeSchedulers } from "./scheduler-rows";
import type { Documents, OrganizationDocument, ProjectDocument, WorkerOptions } from "./schema";
import { pathText } from "./source";
import { readConfig, type StoredConfig } from "./stored";

export interface ApplyOptions {
  /** Who does it, as histories name them. */
  readonly author: string;
  readonly sealingKey: Buffer;
  readonly isHosted?: boolean;
  /** Revision that the documents started from; null: not known, not checked. */
  readonly base?: number | null;
  /** Activate although a document has moved on since `base`. */
  readonly force?: boolean;
  /** Remove projects that the documents do not mention. */
  readonly prune?: boolean;
}

export interface Applied extends Changes {
  readonly revision: number;
}

/** The documents do not fit the installation; `problems` carry paths into the file. */
export class ConfigInvalid extends AppError {
  constructor(readonly problems: readonly Problem[]) {
    super("config.invalid", {
      problem: problems.map(({ path, message }) => `${pathText(path)}: ${message}`).join("; "),
    });
  }
}

/** @throws ConfigInvalid; AppError config.stale when `base` is not the newest any more */
export async function applyConfig(
  tx: Queryable,
  orgId: OrgId,
  documents: Documents,
  options: ApplyOptions,
): Promise<Applied> {
  // One activation at a time in an organisation; readers go on.
  const { slug } = only(
    await tx.rows<{ slug: string }>(
      "select slug from organization where id = $1 for no key update",
      [orgId],
    ),
  );
  const before = await readConfig(tx, orgId);
  if (!options.force) refuseStale(before, documents, options.base ?? null);

  const wanted = merged(before, documents, options.prune ?? false);
  const file = { ...documents.organization, projects: documents.projects };
  const problems = [...checkForm(file, options).problems, ...crossCheck(wanted)];
  if (problems.length > 0) throw new ConfigInvalid(problems);

  const changes: Changes = { added: [], changed: [], removed: [] };
  const workers = await planWorkers(tx, orgId, wanted.organization, options.sealingKey);
  await writeWorkers(tx, { orgId, slug }, workers, changes);
  const organization = {
    ...wanted.organization,
    ...(wanted.organization.workers ? { workers: workers.map((worker) => worker.document) } : {}),
  };
  const projectIds = await writeProjects(tx, orgId, wanted.projects, changes);
  await writeBuilders(tx, orgId, { ...wanted, organization }, projectIds, changes);
  await writeSchedulers(tx, orgId, wanted.projects, projectIds, changes);
  await writeChangeSources(tx, orgId, wanted.projects, projectIds, changes);
  await writeValidation(tx, orgId, organization);
  await writeVersions(
    tx,
    orgId,
    before,
    { organization, projects: wanted.projects },
    {
      ...options,
      projectIds,
      isOrganizationHeld: documents.organization !== null,
    },
  );
  const revision = await currentRevision(tx, orgId);
  if (revision !== before.revision) {
    await announce(tx, orgId, options.author, { ...changes, revision });
  }
  return { ...changes, revision };
}

function refuseStale(before: StoredConfig, documents: Documents, base: number | null): void {
  if (base === null) return;
  const held = before.stored.filter(({ project }) =>
    project === null ? documents.organization !== null : Object.hasOwn(documents.projects, project),
  );
  const newest = Math.max(0, ...held.map(({ revision }) => revision));
  if (newest > base) throw new AppError("config.stale", { newest, base });
}

function merged(
  before: StoredConfig,
  documents: Documents,
  prune: boolean,
): Documents & { organization: OrganizationDocument } {
  return {
    organization: documents.organization ?? before.documents.organization,
    projects: { ...(prune ? {} : before.documents.projects), ...documents.projects },
  };
}

async function planWorkers(
  tx: Queryable,
  orgId: OrgId,
  organization: OrganizationDocument,
  key: Buffer,
): Promise<PlannedWorker[]> {
  const rows = await tx.rows<{ name: string; sealed_password: Buffer | null }>(
    "select name, sealed_password from worker where org_id = $1",
    [orgId],
  );
  const stored = new Map(rows.map((row) => [row.name, row.sealed_password]));
  const problems: Problem[] = [];
  const planned = (organization.workers ?? []).map((worker, index) => {
    const { reference, sealed, isUnknown } = planPassword(
      key,
      worker,
      stored.get(worker.name) ?? null,
    );
    if (isUnknown) {
      const message = "this password is not stored here (any more): write it out";
      problems.push({ path: ["workers", index, "password"], message, of: "value" });
    }
    const { password: _, ...rest } = worker;
    const document = (reference ? { ...rest, password: reference } : rest) as WorkerOptions;
    return { options: worker, document, sealed };
  });
  if (problems.length > 0) throw new ConfigInvalid(problems);
  return planned;
}

async function writeProjects(
  tx: Queryable,
  orgId: OrgId,
  projects: Readonly<Record<string, ProjectDocument>>,
  changes: Changes,
): Promise<Map<string, ProjectId>> {
  const rows = await tx.rows<{ id: ProjectId; name: string; description: string; gone: boolean }>(
    "select id, name, description, removed_at is not null as gone from project where org_id = $1",
    [orgId],
  );
  const known = new Map(rows.map((row) => [row.name, row]));
  const ids = new Map<string, ProjectId>();
  for (const [name, { description = "" }] of Object.entries(projects)) {
    const row = known.get(name);
    if (row && !row.gone && row.description === description) {
      ids.set(name, row.id);
      continue;
    }
    const written = await tx.rows<{ id: ProjectId }>(
      `insert into project (org_id, name, description) values ($1, $2, $3)
       on conflict (org_id, name) do update set description = excluded.description, removed_at = null
       returning id`,
      [orgId, name, description],
    );
    ids.set(name, only(written).id);
    changes[row && !row.gone ? "changed" : "added"].push(`project ${name}`);
  }
  for (const row of rows.filter(({ name, gone }) => !gone && !Object.hasOwn(projects, name))) {
    await tx.rows("update project set removed_at = now() where id = $1", [row.id]);
    changes.removed.push(`project ${row.name}`);
  }
  return ids;
}

/** Beside the organisation itself, where a call that starts a build has it at hand. */
async function writeValidation(
  tx: Queryable,
  orgId: OrgId,
  { validation = {} }: OrganizationDocument,
): Promise<void> {
  await tx.rows(
    "update organization set validation = $2::jsonb where id = $1 and validation <> $2::jsonb",
    [orgId, JSON.stringify(validation)],
  );
}

interface VersionOptions {
  readonly author: string;
  readonly projectIds: ReadonlyMap<string, ProjectId>;
  readonly isOrganizationHeld: boolean;
}

async function writeVersions(
  tx: Queryable,
  orgId: OrgId,
  before: StoredConfig,
  after: Documents,
  options: VersionOptions,
): Promise<void> {
  const write = (projectId: ProjectId | null, document: unknown) =>
    tx.rows(
      `insert into config_version (org_id, project_id, number, document, author)
       select $1, $2, coalesce(max(number), 0) + 1, $3, $4 from config_version
       where org_id = $1 and project_id is not distinct from $2::bigint`,
      [orgId, projectId, JSON.stringify(document), options.author],
    );
  const stored = (projectId: ProjectId | null) =>
    before.stored.find((item) => item.projectId === projectId)?.document;
  const isSame = (a: unknown, b: unknown) =>
    a !== undefined && canonicalJson(a) === canonicalJson(b);

  if (options.isOrganizationHeld && !isSame(stored(null), after.organization)) {
    await write(null, after.organization);
  }
  for (const [name, document] of Object.entries(after.projects)) {
    const projectId = options.projectIds.get(name) ?? null;
    if (projectId !== null && !isSame(stored(projectId), document))
      await write(projectId, document);
  }
  for (const { project, projectId } of before.stored) {
    if (project !== null && !Object.hasOwn(after.projects, project)) await write(projectId, {});
  }
}

async function currentRevision(tx: Queryable, orgId: OrgId): Promise<number> {
  const [row] = await tx.rows<{ revision: number | null }>(
    "select max(id) as revision from config_version where org_id = $1",
    [orgId],
  );
  return row?.revision ?? 0;
}

/** Connected workers get their new builders, and the audit log its line. */
async function announce(
  tx: Queryable,
  orgId: OrgId,
  author: string,
  change: Applied,
): Promise<void> {
  const body = JSON.stringify(change);
  await tx.rows("insert into outbox (org_id, topic, body) values ($1, 'config/activated', $2)", [
    orgId,
    body,
  ]);
  await tx.rows(
    `insert into audit_entry (org_id, actor, action, subject, detail)
     values ($1, $2, 'config.activate', 'configuration', $3)`,
    [orgId, author, body],
  );
}
