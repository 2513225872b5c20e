/** Versions of documents: written at activation, listed, read, and gone back to (C-001, C-004). */
import { only, type Queryable } from "../db/pool";
import { AppError } from "../domain/errors";
import type { OrgId, ProjectId } from "../domain/ids";
import { type Applied, type ApplyContext, type ApplyOptions, applyConfig } from "./apply";
import { canonicalJson } from "./compile";
import type { Documents, OrganizationDocument, ProjectDocument } from "./schema";
import { plainText } from "./split-text";
import type { StoredConfig } from "./stored";
import { summarise } from "./summary";
import type { Prepared } from "./take-out";

export interface Outcome {
  readonly held: readonly Prepared[];
  readonly removed: readonly string[];
  readonly projectIds: ReadonlyMap<string, ProjectId>;
}

/** A new version of each document that is not what it was, word by word. */
export async function writeVersions(
  tx: Queryable,
  context: ApplyContext,
  before: StoredConfig,
  { held, removed, projectIds }: Outcome,
): Promise<void> {
  const stored = new Map(before.stored.map((item) => [item.project, item]));
  const changed = held.flatMap(({ project, document, text }): NewVersion[] => {
    const old = stored.get(project);
    if (old && old.text === text && canonicalJson(old.document) === canonicalJson(document)) {
      return [];
    }
    // An organisation that never had a document and is given an empty one has nothing to remember.
    if (!old && project === null && text === "") return [];
    const projectId = project === null ? null : (projectIds.get(project) ?? null);
    const summary = summarise(old?.document, document);
    return [{ projectId, document, text, summary, isRemoval: false }];
  });
  const gone = removed.flatMap((project): NewVersion[] => {
    const projectId = stored.get(project)?.projectId ?? null;
    if (projectId === null) return [];
    return [{ projectId, document: {}, text: "", summary: "removed the project", isRemoval: true }];
  });
  await write(tx, context, [...changed, ...gone]);
}

interface NewVersion {
  /** Null: of the organisation's own document. */
  readonly projectId: ProjectId | null;
  readonly document: object;
  readonly text: string;
  readonly summary: string;
  readonly isRemoval: boolean;
}

async function write(
  tx: Queryable,
  { orgId, author, comment = "" }: ApplyContext,
  versions: readonly NewVersion[],
): Promise<void> {
  if (versions.length === 0) return;
  await tx.rows(
    `insert into config_version
       (org_id, project_id, number, document, source, author, summary, comment, is_removal)
     select $1, w."projectId", coalesce(n.newest, 0) + 1, w.document, w.text, $2, w.summary, $3,
       w."isRemoval"
     from jsonb_to_recordset($4::jsonb) as w
       ("projectId" bigint, document jsonb, text text, summary text, "isRemoval" boolean)
     left join (select project_id, max(number) as newest from config_version
                where org_id = $1 group by project_id) n
       on coalesce(n.project_id, 0) = coalesce(w."projectId", 0)
     order by w."projectId" nulls first`,
    [orgId, author, comment, JSON.stringify(versions)],
  );
}

export interface Version {
  readonly id: number;
  /** Null: of the organisation's own document. */
  readonly project: string | null;
  readonly number: number;
  readonly author: string;
  readonly at: Date;
  readonly summary: string;
  readonly comment: string;
  readonly isRemoval: boolean;
  /** The newest of its document. */
  readonly isNewest: boolean;
}

export interface VersionText extends Version {
  readonly text: string;
  readonly document: Readonly<Record<string, unknown>>;
}

const COLUMNS = `v.id, p.name as project, v.number, v.author, v.created_at as at,
  coalesce(v.summary, '') as summary, v.comment, v.is_removal as "isRemoval",
  not exists (select from config_version n where n.org_id = v.org_id
    and n.project_id is not distinct from v.project_id and n.number > v.number) as "isNewest"`;

/** Newest first. @param document null: of all documents */
export function listVersions(
  tx: Queryable,
  orgId: OrgId,
  document: "organization" | { readonly project: string } | null,
  { before = null, limit = 50 }: { readonly before?: number | null; readonly limit?: number } = {},
): Promise<Version[]> {
  const project = typeof document === "object" ? (document?.project ?? null) : null;
  return tx.rows<Version>(
    `select ${COLUMNS} from config_version v left join project p on p.id = v.project_id
     where v.org_id = $1 and ($2::bigint is null or v.id < $2)
       and ($3::text is null or p.name = $3) and (not $4::boolean or v.project_id is null)
     order by v.id desc limit $5`,
    [orgId, before, project, document === "organization", limit],
  );
}

/** @throws AppError request.not-found */
export async function readVersion(tx: Queryable, orgId: OrgId, id: number): Promise<VersionText> {
  const [row] = await tx.rows<VersionText & { source: string | null }>(
    `select ${COLUMNS}, v.source, v.document
     from config_version v left join project p on p.id = v.project_id
     where v.org_id = $1 and v.id = $2`,
    [orgId, id],
  );
  if (!row) throw new AppError("request.not-found", { what: "version of the configuration" });
  const { source, ...version } = row;
  return { ...version, text: source ?? plainText(row.document) };
}

/** By the number that people see. @throws AppError request.not-found */
export async function findVersion(
  tx: Queryable,
  orgId: OrgId,
  project: string | null,
  number: number,
): Promise<VersionText> {
  const [row] = await tx.rows<{ id: number }>(
    `select id from config_version where org_id = $1 and number = $3
       and project_id is not distinct from (select id from project where org_id = $1 and name = $2)
       and ($2::text is null or project_id is not null)`,
    [orgId, project, number],
  );
  if (!row) throw new AppError("request.not-found", { what: "version of the configuration" });
  return readVersion(tx, orgId, row.id);
}

/** The version before this one of the same document; null: it is the first. */
export async function versionBefore(
  tx: Queryable,
  orgId: OrgId,
  id: number,
): Promise<number | null> {
  const { before } = only(
    await tx.rows<{ before: number | null }>(
      `select (select max(o.id) from config_version o where o.org_id = v.org_id
         and o.project_id is not distinct from v.project_id and o.number < v.number) as before
       from config_version v where v.org_id = $1 and v.id = $2`,
      [orgId, id],
    ),
  );
  return before;
}

/**
 * A new version that says what an old one said; secrets are those that are stored now. Whatever the
 * document has become since is replaced: it stands in the list, and can be gone back to.
 *
 * @throws ConfigInvalid when it does not fit the other documents any more
 */
export async function rollBack(
  tx: Queryable,
  orgId: OrgId,
  id: number,
  options: Pick<ApplyOptions, "author" | "sealingKey" | "isHosted">,
): Promise<Applied> {
  const { project, number, text, document, isRemoval } = await readVersion(tx, orgId, id);
  if (isRemoval) {
    throw new AppError("request.conflict", {
      problem: "this version says that the project was removed: go back to one before it",
    });
  }
  const documents: Documents =
    project === null
      ? {
          organization: document as OrganizationDocument,
          projects: {},
          texts: { organization: text, projects: {} },
        }
      : {
          organization: null,
          projects: { [project]: document as ProjectDocument },
          texts: { organization: null, projects: { [project]: text } },
        };
  return applyConfig(tx, orgId, documents, { ...options, comment: `back to version ${number}` });
}
