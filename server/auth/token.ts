/**
 * API tokens (C-163). A token is 256 random bits behind the prefix `slw_`, shown once; what is
 * stored is its SHA-256, which needs no slow hash because nobody can guess the input.
 */
import { createHash, randomBytes } from "node:crypto";
import type { Queryable } from "../db/pool";
import { AppError } from "../domain/errors";
import type { ApiTokenId, OrgId, PoolId } from "../domain/ids";
import { isTokenScope, type TokenScope } from "./roles";

const PREFIX = "slw_";
const SHOWN_CHARACTERS = 10;
const TOKEN = /^slw_[A-Za-z0-9_-]{43}$/;
/** The time of last use is kept to the minute: the hot path must not write. */
const TOUCH_EVERY_MS = 60_000;

export interface NewToken {
  readonly name: string;
  readonly scopes: readonly TokenScope[];
  readonly expiresAt: Date | null;
  readonly createdBy: string;
  /** Lets machines join this pool, and counts them. */
  readonly pool?: { readonly id: PoolId; readonly maxUses: number | null };
}

/** @returns the token itself, which cannot be read again later */
export async function createToken(tx: Queryable, orgId: OrgId, wanted: NewToken): Promise<string> {
  if (!/^[^\p{C}]{1,100}$/u.test(wanted.name) || wanted.scopes.length === 0) {
    throw new AppError("request.malformed", {
      problem: "a token needs a name of 1 to 100 printable characters and at least one scope",
    });
  }
  const token = PREFIX + randomBytes(32).toString("base64url");
  await tx.rows(
    `insert into api_token (org_id, name, prefix, token_hash, scopes, created_by, expires_at, pool_id, max_uses)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      orgId,
      wanted.name,
      token.slice(0, SHOWN_CHARACTERS),
      tokenHash(token),
      [...new Set(wanted.scopes)],
      wanted.createdBy,
      wanted.expiresAt,
      wanted.pool?.id ?? null,
      wanted.pool?.maxUses ?? null,
    ],
  );
  return token;
}

export interface TokenHolder {
  readonly tokenId: ApiTokenId;
  /** "token ci", as histories name it. */
  readonly actor: string;
  readonly scopes: readonly TokenScope[];
  /** The time of last use is old enough to be written again, after the work (`touchToken`). */
  readonly isStale: boolean;
}

const FIND = {
  name: "find-token",
  text: `select id, name, scopes, coalesce(last_used_at < now() - $3 * interval '1 ms', true) as is_stale
    from api_token
    where token_hash = $1 and org_id = $2 and revoked_at is null
      and (expires_at is null or expires_at > now())`,
};

/**
 * @param header the whole `Authorization` header
 * @throws AppError auth.invalid-token alike for a token that is malformed, unknown, revoked,
 *   expired, or another organisation's
 */
export async function authenticateToken(
  tx: Queryable,
  orgId: OrgId,
  header: string,
): Promise<TokenHolder> {
  const token = bearer(header);
  if (token === null) throw new AppError("auth.invalid-token");
  const [row] = await tx.rows<{
    id: ApiTokenId;
    name: string;
    scopes: string[];
    is_stale: boolean;
  }>(FIND, [tokenHash(token), orgId, TOUCH_EVERY_MS]);
  if (!row) throw new AppError("auth.invalid-token");
  return {
    tokenId: row.id,
    actor: `token ${row.name}`,
    scopes: row.scopes.filter(isTokenScope),
    isStale: row.is_stale,
  };
}

export async function touchToken(tx: Queryable, tokenId: ApiTokenId): Promise<void> {
  await tx.rows("update api_token set last_used_at = now() where id = $1", [tokenId]);
}

/**
 * One of the times that a token may be used for is taken; with the caller's transaction it is given back.
 * @throws AppError auth.token-used-up
 */
export async function countUse(tx: Queryable, tokenId: ApiTokenId): Promise<void> {
  const rows = await tx.rows(
    `update api_token set uses = uses + 1, last_used_at = now()
     where id = $1 and (max_uses is null or uses < max_uses) returning id`,
    [tokenId],
  );
  if (rows.length === 0) throw new AppError("auth.token-used-up");
}

/** @throws AppError request.not-found for a foreign or unknown id */
export async function revokeToken(tx: Queryable, orgId: OrgId, tokenId: ApiTokenId): Promise<void> {
  const revoked = await tx.rows(
    `update api_token set revoked_at = coalesce(revoked_at, now())
     where id = $1 and org_id = $2 returning id`,
    [tokenId, orgId],
  );
  if (revoked.length === 0) throw new AppError("request.not-found", { what: "token" });
}

function bearer(header: string): string | null {
  const token = /^bearer +(\S+) *$/i.exec(header)?.[1];
  return token !== undefined && TOKEN.test(token) ? token : null;
}

export function tokenHash(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
