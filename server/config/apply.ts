/**
 * Activation (C-001, C-003): new versions of the documents that changed, and the rows that follow
 * from all documents together, in the caller's transaction. Components are compared by value; what
 * is the same is not touched. Builds that run keep the configuration they began with.
 */
import { only, type Queryable } from "../db/pool";
import { AppError } from "../domain/errors";
import type { OrgId, ProjectId } from "../domain/ids";
import { setSecrets } from "../secrets/store";
import { writeBuilders } from "./builder-rows";
import { type Changes, noteWritten } from "./changes";
import { checkForm } from "./check";
import { crossCheck } from "./cross-check";
import { tellOfKept } from "./kept-documents";
import { writeLocks } from "./lock-rows";
import { moveSealed, planPassword } from "./passwords";
import { syncBuilderPools, writePools } from "./pool-rows";
import type { Problem } from "./problems";
import { writeReporters } from "./reporter-rows";
import { writeChangeSources, writeSchedulers } from "./scheduler-rows";
import type { Documents, OrganizationDocument, ProjectDocument } from "./schema";
import { pathText } from "./source";
import { heldChanges } from "./stale";
import { readConfig, type StoredConfig } from "./stored";
import { type Prepared, prepare } from "./take-out";
import { writeVersions } from "./versions";
import { warningsOf } from "./warnings";
import { type PlannedWorker, writeWorkers } from "./worker-rows";

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
  /** Why, in the author's words: stands beside the versions. */
  readonly comment?: string;
}

export interface ApplyContext extends ApplyOptions {
  readonly orgId: OrgId;
}

export interface Applied extends Changes {
  readonly revision: number;
  /** What may be wrong and keeps nothing from being activated. */
  readonly warnings: readonly Problem[];
}

/** The documents do not fit the installation; `problems` carry paths into the file. */
export class ConfigInvalid extends AppError {
  constructor(readonly problems: readonly Problem[]) {
    super("config.invalid", {
      problem: problems.map(({ path, message }) => `${pathText(path)}: ${message}`).join("; "),
    });
  }
}

/** @throws ConfigInvalid; ConfigStale when a document has moved on since `base` */
export async function applyConfig(
  tx: Queryable,
  orgId: OrgId,
  documents: Documents,
  options: ApplyOptions,
): Promise<Applied> {
  const context: ApplyContext = { ...options, orgId };
  // One activation at a time in an organisation; readers go on.
  const { slug } = only(
    await tx.rows<{ slug: string }>(
      "select slug from organization where id = $1 for no key update",
      [orgId],
    ),
  );
  const before = await readConfig(tx, orgId);
  const { held, removed } = await heldChanges(
    tx,
    before,
    prepare(documents, (project) => textOf(before, project)),
    context,
  );
  const wanted = merged(before, held, removed);
  const form = { ...documents.organization, projects: documents.projects };
  const problems = [
    ...checkForm(form, options).problems,
    ...tellOfKept(crossCheck(wanted), documents),
  ];
  if (problems.length > 0) throw new ConfigInvalid(problems);

  const changes: Changes = { added: [], changed: [], removed: [] };
  const rotated = await storeSecrets(tx, context, held);
  const workers = await planWorkers(tx, context, wanted.organization, rotated);
  await writeLocks(tx, orgId, wanted.organization.locks ?? [], changes);
  await writeWorkers(tx, { orgId, slug }, workers, changes);
  await writePools(tx, orgId, wanted.organization.pools ?? [], changes);
  const projectIds = await writeProjects(tx, orgId, wanted.projects, changes);
  await writeBuilders(tx, orgId, wanted, projectIds, changes);
  await syncBuilderPools(tx, orgId, wanted);
  await writeSchedulers(tx, orgId, wanted.projects, projectIds, changes);
  await writeChangeSources(tx, orgId, wanted.projects, projectIds, changes);
  await writeReporters(tx, orgId, wanted.organization.reporters ?? [], changes);
  await writeValidation(tx, orgId, wanted.organization);
  await writeVersions(tx, context, before, { held, removed, projectIds });

  const { revision } = await readConfig(tx, orgId);
  const applied = {
    ...changes,
    revision,
    warnings: await warningsOf(tx, orgId, documentsOf(held)),
  };
  if (revision !== before.revision || rotated.size > 0) await announce(tx, context, applied);
  return applied;
}

function textOf({ stored }: StoredConfig, project: string | null): string {
  return stored.find((item) => item.project === project)?.text ?? "";
}

function documentsOf(held: readonly Prepared[]): Documents {
  return {
    organization:
      (held.find(({ project }) => project === null)?.document as OrganizationDocument) ?? null,
    projects: Object.fromEntries(
      held.flatMap(({ project, document }) =>
        project === null ? [] : [[project, document as ProjectDocument]],
      ),
    ),
  };
}

function merged(
  before: StoredConfig,
  held: readonly Prepared[],
  removed: readonly string[],
): Documents & { organization: OrganizationDocument } {
  const { organization, projects } = documentsOf(held);
  const kept = Object.entries(before.documents.projects).filter(
    ([name]) => !removed.includes(name),
  );
  return {
    organization: organization ?? before.documents.organization,
    projects: { ...Object.fromEntries(kept), ...projects },
  };
}

/** @returns the names of secrets that were added or have another value now */
async function storeSecrets(
  tx: Queryable,
  context: ApplyContext,
  held: readonly Prepared[],
): Promise<Set<string>> {
  const { orgId, author: actor, sealingKey } = context;
  const literals = held.flatMap(({ secrets }) => secrets);
  const outcomes = await setSecrets(tx, sealingKey, { orgId, actor }, literals);
  const problems = await moveSealed(
    tx,
    context,
    held.flatMap(({ sealed }) => sealed),
  );
  if (problems.length > 0) throw new ConfigInvalid(problems);
  return new Set([...outcomes].flatMap(([name, outcome]) => (outcome === "same" ? [] : [name])));
}

async function planWorkers(
  tx: Queryable,
  { orgId, sealingKey }: ApplyContext,
  organization: OrganizationDocument,
  rotated: ReadonlySet<string>,
): Promise<PlannedWorker[]> {
  const rows = await tx.rows<{ name: string; sealed_password: Buffer | null }>(
    "select name, sealed_password from worker where org_id = $1",
    [orgId],
  );
  const stored = new Map(rows.map((row) => [row.name, row.sealed_password]));
  return (organization.workers ?? []).map((options) => {
    const password = planPassword(sealingKey, options, stored.get(options.name) ?? null);
    const isRotated = password?.secret ? rotated.has(password.secret) : false;
    return { options, password, isRotated };
  });
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
  const written = Object.entries(projects).flatMap(([name, { description = "" }]) => {
    const row = known.get(name);
    return row && !row.gone && row.description === description ? [] : [{ name, description, row }];
  });
  const ids = new Map(rows.map(({ name, id }) => [name, id]));
  if (written.length > 0) {
    const made = await tx.rows<{ id: ProjectId; name: string }>(
      `insert into project (org_id, name, description)
       select $1, name, description from unnest($2::text[], $3::text[]) as w (name, description)
       on conflict (org_id, name) do update set description = excluded.description, removed_at = null
       returning id, name`,
      [orgId, written.map(({ name }) => name), written.map(({ description }) => description)],
    );
    for (const { id, name } of made) ids.set(name, id);
  }
  for (const { name, row } of written) noteWritten(changes, `project ${name}`, row);
  const removed = rows.filter(({ name, gone }) => !gone && !Object.hasOwn(projects, name));
  if (removed.length > 0) {
    await tx.rows("update project set removed_at = now() where id = any($1)", [
      removed.map(({ id }) => id),
    ]);
  }
  changes.removed.push(...removed.map(({ name }) => `project ${name}`));
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

/**
 * Connected workers get their new builders, and the audit log its line. The notification goes with
 * the transaction (an activation is rare): whatever becomes of us, all hear of it or none.
 */
async function announce(
  tx: Queryable,
  { orgId, author }: ApplyContext,
  { warnings: _, ...change }: Applied,
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
  await tx.rows("select pg_notify('slipway_config', $1::text), pg_notify('slipway_outbox', '')", [
    orgId,
  ]);
}
