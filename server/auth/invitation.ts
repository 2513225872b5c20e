/**
 * One-time links. `setup` makes the first administrator of the installation, who owns the
 * organisation `main`; `member` adds a person to an organisation. Only the SHA-256 of a link's
 * token is stored; a link counts once and for a limited time.
 */
import { randomBytes } from "node:crypto";
import { only, type Queryable } from "../db/pool";
import { AppError } from "../domain/errors";
import type { OrgId, UserId } from "../domain/ids";
import { checkNewPassword, hashPassword } from "./password";
import { isRole, type Role } from "./roles";
import { normalEmail } from "./sign-in";
import { tokenHash } from "./token";

const SETUP_DAYS = 7;
const INVITATION_DAYS = 14;

/** @returns the token of a new set-up link; earlier ones stop working */
export async function createSetupToken(tx: Queryable, orgId: OrgId): Promise<string> {
  await tx.rows("delete from invitation where kind = 'setup' and used_at is null");
  return insert(tx, { kind: "setup", orgId, email: null, role: "owner", days: SETUP_DAYS });
}

export async function createInvitation(
  tx: Queryable,
  orgId: OrgId,
  invited: { readonly email: string; readonly role: Role },
): Promise<string> {
  const email = normalEmail(invited.email);
  checkEmail(email);
  const { role } = invited;
  return insert(tx, { kind: "member", orgId, email, role, days: INVITATION_DAYS });
}

async function insert(
  tx: Queryable,
  link: { kind: string; orgId: OrgId; email: string | null; role: Role; days: number },
): Promise<string> {
  const token = randomBytes(32).toString("base64url");
  await tx.rows(
    `insert into invitation (kind, org_id, email, role, token_hash, expires_at)
     values ($1, $2, $3, $4, $5, now() + $6 * interval '1 day')`,
    [link.kind, link.orgId, link.email, link.role, tokenHash(token), link.days],
  );
  return token;
}

export interface OpenInvitation {
  readonly kind: "setup" | "member";
  readonly orgId: OrgId;
  readonly orgName: string;
  readonly slug: string;
  /** Fixed by the invitation, or null when the person says it. */
  readonly email: string | null;
  readonly role: Role;
}

interface Row {
  kind: string;
  org_id: OrgId;
  name: string;
  slug: string;
  email: string | null;
  role: string;
}

/** What the link is for, or null when it was used, has expired or never was. */
export async function findInvitation(tx: Queryable, token: string): Promise<OpenInvitation | null> {
  const [row] = await tx.rows<Row>(
    `select i.kind, i.org_id, i.email, i.role, o.name, o.slug
     from invitation i join organization o on o.id = i.org_id
     where i.token_hash = $1 and i.used_at is null and i.expires_at > now()`,
    [tokenHash(token)],
  );
  if (!row || !isRole(row.role)) return null;
  return {
    kind: row.kind === "setup" ? "setup" : "member",
    orgId: row.org_id,
    orgName: row.name,
    slug: row.slug,
    email: row.email,
    role: row.role,
  };
}

export interface NewPerson {
  readonly email: string;
  readonly name: string;
  readonly password: string;
}

/**
 * Uses the link up and makes the account with its membership. A person invited who has an account
 * already proves it with their password elsewhere; here an existing e-mail is refused.
 *
 * @returns the organisation to go to
 * @throws AppError request.not-found (link not open), request.malformed, request.conflict
 */
export async function redeemInvitation(
  tx: Queryable,
  token: string,
  person: NewPerson,
): Promise<OpenInvitation> {
  checkNewPassword(person.password);
  const invitation = await findInvitation(tx, token);
  if (!invitation) throw new AppError("request.not-found", { what: "link" });
  const hash = await hashPassword(person.password);
  const used = await tx.rows(
    `update invitation set used_at = now()
     where token_hash = $1 and used_at is null and expires_at > now() returning id`,
    [tokenHash(token)],
  );
  if (used.length === 0) throw new AppError("request.not-found", { what: "link" });
  const email = invitation.email ?? normalEmail(person.email);
  const isAdmin = invitation.kind === "setup";
  const userId = await createUser(tx, { ...person, email, hash, isAdmin });
  await tx.rows("select set_config('slipway.org_id', $1, true)", [String(invitation.orgId)]);
  await tx.rows("insert into membership (org_id, user_id, role) values ($1, $2, $3)", [
    invitation.orgId,
    userId,
    invitation.role,
  ]);
  return invitation;
}

/** @throws AppError request.malformed, request.conflict when the e-mail has an account */
export async function createUser(
  tx: Queryable,
  user: { email: string; name: string; hash: string; isAdmin: boolean },
): Promise<UserId> {
  const email = normalEmail(user.email);
  checkEmail(email);
  const name = user.name.trim();
  if (!/^[^\p{C}]{1,100}$/u.test(name)) {
    throw new AppError("request.malformed", { problem: "a name has 1 to 100 characters" });
  }
  const made = await tx.rows<{ id: UserId }>(
    `insert into user_account (email, name, password_hash, is_admin) values ($1, $2, $3, $4)
     on conflict (email) do nothing returning id`,
    [email, name, user.hash, user.isAdmin],
  );
  if (made.length === 0) {
    throw new AppError("request.conflict", { problem: "there is an account with this e-mail" });
  }
  return only(made).id;
}

function checkEmail(email: string): void {
  if (email.length > 254 || !/^[^\s@\p{C}]+@[^\s@\p{C}]+$/u.test(email)) {
    throw new AppError("request.malformed", { problem: "this is not an e-mail address" });
  }
}
