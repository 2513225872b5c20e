/** The documents that are active: the newest version of each. */
import { stringify } from "yaml";
import type { Queryable } from "../db/pool";
import type { OrgId, ProjectId } from "../domain/ids";
import type { Documents, OrganizationDocument, ProjectDocument } from "./schema";

export interface StoredDocument {
  /** Null: the organisation's own. */
  readonly project: string | null;
  readonly projectId: ProjectId | null;
  /** Id of the version: grows over all documents of the organisation. */
  readonly revision: number;
  readonly number: number;
  readonly document: OrganizationDocument | ProjectDocument;
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
  is_removed: boolean;
  revision: number;
  number: number;
  document: Record<string, unknown>;
}

export async function readConfig(tx: Queryable, orgId: OrgId): Promise<StoredConfig> {
  const rows = await tx.rows<Row>(
    `select p.name as project, v.project_id, p.removed_at is not null as is_removed,
       v.id as revision, v.number, v.document
     from (select distinct on (coalesce(project_id, 0)) * from config_version
           where org_id = $1 order by coalesce(project_id, 0), number desc) v
     left join project p on p.id = v.project_id
     order by p.name nulls first`,
    [orgId],
  );
  const active = rows.filter((row) => !row.is_removed);
  const organization = active.find((row) => row.project_id === null)?.document ?? {};
  return {
    stored: active.map((row) => ({ ...row, projectId: row.project_id })),
    documents: {
      organization: organization as OrganizationDocument,
      projects: Object.fromEntries(
        active.flatMap((row) =>
          row.project === null ? [] : [[row.project, row.document as ProjectDocument]],
        ),
      ),
    },
    revision: Math.max(0, ...rows.map((row) => row.revision)),
  };
}

const REVISION_LINE = /^# slipway configuration, revision (\d{1,15})$/m;

/** One file with every document, passwords as references, and the revision it shows. */
export async function exportConfig(tx: Queryable, orgId: OrgId): Promise<string> {
  const { documents, revision } = await readConfig(tx, orgId);
  const file = { ...documents.organization, projects: documents.projects };
  return `# slipway configuration, revision ${revision}\n${stringify(file, { lineWidth: 100 })}`;
}

/** The revision that an exported file says it shows; null for a file written by hand. */
export function revisionOf(text: string): number | null {
  const found = REVISION_LINE.exec(text)?.[1];
  return found === undefined ? null : Number(found);
}
