/**
 * Tokens by which machines of others join one pool (K-037). Each is shown once, good for nothing but that,
 * and counts how often it was used; whoever may steer the pool's workers makes and revokes them.
 */
import { z } from "zod";
import { createToken, revokeToken } from "../../auth/token";
import type { Queryable } from "../../db/pool";
import { IS_CONNECTED } from "../../db/pool-rows";
import { AppError } from "../../domain/errors";
import type { ApiTokenId, PoolId } from "../../domain/ids";
import { isJoined } from "../../domain/pools";
import type { ApiContext } from "../context";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";
import { type Doors, doors } from "../workers/connection";
import { poolInput } from "./one";

const DAY_MS = 86_400_000;
/** The latest are shown; older ones are only of use to be forgotten. */
const SHOWN = 100;
const SHOWN_WORKERS = 500;

export const createJoinTokenInput = poolInput.extend({
  name: z.string().trim().min(1, "a token needs a name").max(100),
  /** null: it never expires. */
  days: z.number().int().min(1).max(3650).nullable(),
  /** null: as often as machines come. */
  maxUses: z
    .number("is a whole number")
    .int("is a whole number")
    .min(1, "at least one")
    .max(1_000_000, "at most a million")
    .nullable(),
});

export const revokeJoinTokenInput = poolInput.extend({ tokenId: z.number().int().positive() });

export interface JoinedWorker {
  readonly workerId: number;
  readonly name: string;
  readonly isConnected: boolean;
  readonly at: number;
  readonly from: string | null;
}

export interface JoinToken {
  readonly id: number;
  readonly name: string;
  readonly prefix: string;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly isExpired: boolean;
  readonly lastUsedAt: number | null;
  readonly revokedAt: number | null;
  readonly uses: number;
  readonly maxUses: number | null;
  /** Those that joined by it last, and whose place no other has taken since. */
  readonly workers: readonly JoinedWorker[];
}

export interface JoinTokens {
  readonly tokens: readonly JoinToken[];
  /** API tokens of the organisation that may do the same. */
  readonly others: number;
  readonly doors: Doors;
}

const TOKENS = `select id, name, prefix, created_by as "createdBy", ${ms("created_at")} as "createdAt",
    ${ms("expires_at")} as "expiresAt", coalesce(expires_at <= now(), false) as "isExpired",
    ${ms("last_used_at")} as "lastUsedAt", ${ms("revoked_at")} as "revokedAt", uses, max_uses as "maxUses"
  from api_token where org_id = $1 and pool_id = $2 order by id desc limit ${SHOWN}`;

const WORKERS = `select w.joined_token_id as "tokenId", w.id as "workerId", w.name, ${IS_CONNECTED} as "isConnected",
    ${ms("w.joined_at")} as at, w.joined_from as "from"
  from worker w where w.org_id = $1 and w.pool_id = $2 and w.removed_at is null and w.joined_at is not null
    and w.joined_token_id is not null
  order by w.pool_number limit ${SHOWN_WORKERS}`;

const OTHERS = `select count(*)::int as others from api_token t where t.org_id = $1 and t.pool_id is null
    and t.revoked_at is null and (t.expires_at is null or t.expires_at > now())
    and exists (select from unnest(t.scopes) s where s = 'join' or s like 'join:%')`;

export async function listJoinTokens(
  ctx: ApiContext,
  org: OrgScope,
  { poolId }: z.output<typeof poolInput>,
): Promise<JoinTokens> {
  const found = await org.within(async (tx) => {
    await joinedPool(tx, org, poolId);
    const tokens = await tx.rows<Omit<JoinToken, "workers">>(TOKENS, [org.orgId, poolId]);
    const workers = await tx.rows<JoinedWorker & { tokenId: number }>(WORKERS, [org.orgId, poolId]);
    const [row] = await tx.rows<{ others: number }>(OTHERS, [org.orgId]);
    return {
      others: row?.others ?? 0,
      tokens: tokens.map((token) => ({
        ...token,
        workers: workers
          .filter(({ tokenId }) => tokenId === token.id)
          .map(({ tokenId: _, ...worker }) => worker),
      })),
    };
  });
  return { ...found, doors: await doors(ctx) };
}

/** @returns the token, shown this once */
export async function createJoinToken(
  org: OrgScope,
  { poolId, name, days, maxUses }: z.output<typeof createJoinTokenInput>,
  now: number,
): Promise<{ token: string }> {
  return org.within(async (tx) => {
    const pool = await joinedPool(tx, org, poolId);
    const token = await createToken(tx, org.orgId, {
      ...{ name, scopes: [`join:${pool.name}`], createdBy: org.user.email },
      expiresAt: days === null ? null : new Date(now + days * DAY_MS),
      pool: { id: poolId as PoolId, maxUses },
    });
    await audit(tx, org, "pool.token.create", pool.name, { token: name, days, maxUses });
    return { token };
  });
}

export async function revokeJoinToken(
  org: OrgScope,
  { poolId, tokenId }: z.output<typeof revokeJoinTokenInput>,
): Promise<void> {
  await org.within(async (tx) => {
    const [token] = await tx.rows<{ name: string; pool: string }>(
      `select t.name, p.name as pool from api_token t join pool p on p.id = t.pool_id
       where t.org_id = $1 and t.id = $2 and t.pool_id = $3`,
      [org.orgId, tokenId, poolId],
    );
    if (!token) throw new AppError("request.not-found", { what: "token" });
    await revokeToken(tx, org.orgId, tokenId as ApiTokenId);
    await audit(tx, org, "pool.token.revoke", token.pool, { token: token.name });
  });
}

async function joinedPool(tx: Queryable, org: OrgScope, poolId: number): Promise<{ name: string }> {
  const [pool] = await tx.rows<{ name: string; kind: string }>(
    "select name, kind from pool where org_id = $1 and id = $2 and removed_at is null",
    [org.orgId, poolId],
  );
  if (!pool) throw new AppError("request.not-found", { what: "pool" });
  if (!isJoined(pool.kind)) {
    const problem = `pool ${pool.name} makes its own machines (${pool.kind}): nobody joins it`;
    throw new AppError("request.conflict", { problem });
  }
  return pool;
}

async function audit(
  tx: Queryable,
  org: OrgScope,
  action: string,
  pool: string,
  detail: object,
): Promise<void> {
  await tx.rows(
    "insert into audit_entry (org_id, actor, action, subject, detail) values ($1, $2, $3, $4, $5)",
    [org.orgId, org.user.email, action, pool, JSON.stringify(detail)],
  );
}
