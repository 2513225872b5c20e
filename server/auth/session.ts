/**
 * A browser's session: a row that says whether it still counts. The cookie carries the row's id
 * inside a token sealed with the installation's key, so revoking is one update.
 */
import { randomUUID } from "node:crypto";
import type { Queryable } from "../db/pool";
import type { OrgId, UserId } from "../domain/ids";
import { isRole, type Role } from "./roles";

export const SESSION_SECONDS = 7 * 24 * 3600;

export interface SignedInUser {
  readonly userId: UserId;
  readonly sessionId: string;
  readonly email: string;
  readonly name: string;
  /** Administrator of the installation: owner of every organisation. */
  readonly isAdmin: boolean;
  readonly memberships: readonly Membership[];
}

export interface Membership {
  readonly orgId: OrgId;
  readonly slug: string;
  readonly name: string;
  readonly role: Role;
}

/** The person's role in an organisation; null: a stranger. */
export function roleIn(user: SignedInUser | null, orgId: OrgId): Role | null {
  if (user === null) return null;
  if (user.isAdmin) return "owner";
  return user.memberships.find((membership) => membership.orgId === orgId)?.role ?? null;
}

export async function openSession(
  tx: Queryable,
  userId: UserId,
  client: { readonly address: string; readonly userAgent: string | null },
): Promise<string> {
  const id = randomUUID();
  await tx.rows(
    `insert into user_session (id, user_id, expires_at, address, user_agent)
     values ($1, $2, now() + $3 * interval '1 second', $4, $5)`,
    [id, userId, SESSION_SECONDS, client.address, client.userAgent?.slice(0, 300) ?? null],
  );
  return id;
}

interface Row {
  user_id: UserId;
  email: string;
  name: string;
  is_admin: boolean;
  is_stale: boolean;
}

/**
 * The person behind a session that is neither revoked nor expired, of an account that is not
 * disabled. The transaction is that person's afterwards (row-level security). Two statements, and a
 * third once a minute.
 */
export async function findSession(tx: Queryable, sessionId: string): Promise<SignedInUser | null> {
  const [row] = await tx.rows<Row>(
    `select u.id as user_id, u.email, u.name, u.is_admin,
       s.last_seen_at < now() - interval '1 minute' as is_stale,
       set_config('slipway.user_id', u.id::text, true)
     from user_session s join user_account u on u.id = s.user_id
     where s.id = $1 and s.revoked_at is null and s.expires_at > now() and u.disabled_at is null`,
    [sessionId],
  );
  if (!row) return null;
  const memberships = await tx.rows<{ orgId: OrgId; slug: string; name: string; role: string }>(
    `select m.org_id as "orgId", o.slug, o.name, m.role
     from membership m join organization o on o.id = m.org_id
     where m.user_id = $1 order by o.name, o.id`,
    [row.user_id],
  );
  if (row.is_stale) {
    await tx.rows("update user_session set last_seen_at = now() where id = $1", [sessionId]);
  }
  return {
    userId: row.user_id,
    sessionId,
    email: row.email,
    name: row.name,
    isAdmin: row.is_admin,
    memberships: memberships.flatMap(({ role, ...rest }) =>
      isRole(role) ? [{ ...rest, role }] : [],
    ),
  };
}

export async function revokeSession(tx: Queryable, sessionId: string): Promise<void> {
  await tx.rows("update user_session set revoked_at = now() where id = $1 and revoked_at is null", [
    sessionId,
  ]);
}

/** Every session of the person, except the one in hand if given. */
export async function revokeSessionsOf(
  tx: Queryable,
  userId: UserId,
  except: string | null = null,
): Promise<void> {
  await tx.rows(
    `update user_session set revoked_at = now()
     where user_id = $1 and revoked_at is null and ($2::uuid is null or id <> $2)`,
    [userId, except],
  );
}
