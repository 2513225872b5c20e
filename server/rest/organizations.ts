import type { OrgDatabase } from "../db/org-database";
import { type Validation, validationOf } from "../domain/force";
import type { OrgId } from "../domain/ids";

export interface Organization {
  readonly id: OrgId;
  readonly slug: string;
  readonly isPublic: boolean;
  readonly validation: Validation;
}

/** How long an organisation that was made private may still be read by strangers, and the like. */
const FRESH_MS = 5_000;
const MAX_KNOWN = 10_000;
const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Finds organisations by the first segment of a path, remembering them for a moment. */
export function createOrganizations(
  db: OrgDatabase,
  now: () => number,
): (slug: string) => Promise<Organization | null> {
  const known = new Map<string, { organization: Organization; until: number }>();
  return async (slug) => {
    if (!SLUG.test(slug)) return null;
    const kept = known.get(slug);
    if (kept && kept.until > now()) return kept.organization;
    const [row] = await db.within({}, (tx) =>
      tx.rows<Omit<Organization, "validation"> & { validation: unknown }>(
        `select id, slug, is_public as "isPublic", validation from organization where slug = $1`,
        [slug],
      ),
    );
    known.delete(slug);
    if (!row) return null;
    const organization = { ...row, validation: validationOf(row.validation) };
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(slug, { organization, until: now() + FRESH_MS });
    return organization;
  };
}
