/** Who may listen to an organisation's events. */
import type { OrgDatabase } from "../db/org-database";
import type { OrgId, UserId } from "../domain/ids";

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
