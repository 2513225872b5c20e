import type { OrgDatabase } from "../db/org-database";
import type { OrgId } from "../domain/ids";

export interface Organization {
  readonly id: OrgId;
  readonly slug: string;
  readonly isPublic: boolean;
}

/** How long an organisation that was made private may still be read by strangers. */
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
    const [organization] = await db.within({}, (tx) =>
      tx.rows<Organization>(
        `select id, slug, is_public as "isPublic" from organization where slug = $1`,
        [slug],
      ),
    );
    known.delete(slug);
    if (!organization) return null;
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(slug, { organization, until: now() + FRESH_MS });
    return organization;
  };
}
