/** Who may listen to an organisation's events. */
import type { OrgDatabase } from "../db/org-database";
import type { OrgId, UserId } from "../domain/ids";

/**
 * Strangers at the doors are shown to who runs the installation, and to all where there is one
 * organisation only, as the database does.
 */
export async function mayWatchDoors(db: OrgDatabase, userId: UserId): Promise<boolean> {
  const rows = await db.within({ userId }, (tx) =>
    tx.rows(
      `select where (select count(*) from (select from organization limit 2) few) = 1
         or exists (select from user_account u where u.id = $1 and u.is_admin and u.disabled_at is null)`,
      [userId],
    ),
  );
  return rows.length > 0;
}

/** The organisation's id when this person is a member, or runs the installation; else null. */
export async function memberOf(
  db: OrgDatabase,
  userId: UserId,
  slug: string,
): Promise<OrgId | null> {
  const [row] = await db.within({ userId }, (tx) =>
    tx.rows<{ id: OrgId }>(
      `select o.id from organization o where o.slug = $1 and (
         exists (select from membership m where m.org_id = o.id and m.user_id = $2)
         or exists (select from user_account u where u.id = $2 and u.is_admin))`,
      [slug, userId],
    ),
  );
  return row?.id ?? null;
}
