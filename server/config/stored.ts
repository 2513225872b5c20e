/** The documents that are active: the newest version of each. */
import type { Queryable } from "../db/pool";
import type { OrgId, ProjectId } from "../domain/ids";
import type { Documents, OrganizationDocument, ProjectDocument } from "./schema";
import { joinTexts, plainText } from "./split-text";

export interface StoredDocument {
  /** Null: the organisation's own. */
  readonly project: string | null;
  readonly projectId: ProjectId | null;
  /** Id of the version: grows over all documents of the organisation. */
  readonly revision: number;
  readonly number: number;
  readonly document: OrganizationDocument | ProjectDocument;
  /** As its author wrote it. */
  readonly text: string;
  readonly author: string;
  readonly at: Date;
}

export interface StoredConfig {
  readonly stored: readonly StoredDocument[];
  readonly documents: Documents & { readonly organization: OrganizationDocument };
  /** Of the newest document; 0: there is none. What `base` of an activation refers to. */
  readonly revision: number;
}

interface Row {
  project: string | null;
  project_id: ProjectId | null;
  is_gone: boolean;
  revision: number;
  number: number;
  document: Record<string, unknown>;
  source: string | null;
  author: string;
  created_at: Date;
}

export async function readConfig(tx: Queryable, orgId: OrgId): Promise<StoredConfig> {
  const rows = await newest(tx, orgId, null);
  const active = rows.filter((row) => !row.is_gone).map(asStored);
  const organization = active.find(({ project }) => project === null)?.document ?? {};
  return {
    stored: active,
    documents: {
      organization: organization as OrganizationDocument,
      projects: Object.fromEntries(
        active.flatMap(({ project, document }) =>
          project === null ? [] : [[project, document as ProjectDocument]],
        ),
      ),
    },
    revision: Math.max(0, ...rows.map((row) => row.revision)),
  };
}

/** The documents as they were at a revision. */
export async function readVersions(
  tx: Queryable,
  orgId: OrgId,
  revision: number,
): Promise<StoredDocument[]> {
  return (await newest(tx, orgId, revision)).filter((row) => !row.is_gone).map(asStored);
}

function newest(tx: Queryable, orgId: OrgId, revision: number | null): Promise<Row[]> {
  return tx.rows<Row>(
    `select p.name as project, v.project_id, v.id as revision, v.number, v.document, v.source,
       v.author, v.created_at,
       v.is_removal or ($2::bigint is null and p.removed_at is not null) as is_gone
     from (select distinct on (coalesce(project_id, 0)) * from config_version
           where org_id = $1 and ($2::bigint is null or id <= $2)
           order by coalesce(project_id, 0), number desc) v
     left join project p on p.id = v.project_id
     order by p.name nulls first`,
    [orgId, revision],
  );
}

const asStored = (row: Row): StoredDocument => ({
  project: row.project,
  projectId: row.project_id,
  revision: row.revision,
  number: row.number,
  document: row.document,
  text: row.source ?? plainText(row.document),
  author: row.author,
  at: row.created_at,
});

const REVISION_LINE = /^# slipway configuration, revision (\d{1,15})$/m;

/** One file with every document as it was written, and the revision it shows. */
export async function exportConfig(tx: Queryable, orgId: OrgId): Promise<string> {
  const config = await readConfig(tx, orgId);
  return `# slipway configuration, revision ${config.revision}\n${wholeText(config)}`;
}

/** The documents as one file. */
export function wholeText({ stored }: Pick<StoredConfig, "stored">): string {
  return joinTexts(
    stored.find(({ project }) => project === null)?.text ?? "",
    stored.flatMap(({ project, text }) => (project === null ? [] : [[project, text] as const])),
  );
}

/** The revision that an exported file says it shows; null for a file written by hand. */
export function revisionOf(text: string): number | null {
  const found = REVISION_LINE.exec(text)?.[1];
  return found === undefined ? null : Number(found);
}
