import { z } from "zod";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";

const PAGE = 100;

export const tokensInput = z.object({ before: z.number().int().positive().optional() });

export interface TokenRow {
  id: number;
  name: string;
  prefix: string;
  scopes: string[];
  createdBy: string;
  createdAt: number;
  expiresAt: number | null;
  lastUsedAt: number | null;
  revokedAt: number | null;
}

export async function listTokens(org: OrgScope, input: z.output<typeof tokensInput>) {
  const tokens = await org.within((tx) =>
    tx.rows<TokenRow>(
      `select id, name, prefix, scopes, created_by as "createdBy", ${ms("created_at")} as "createdAt",
              ${ms("expires_at")} as "expiresAt", ${ms("last_used_at")} as "lastUsedAt",
              ${ms("revoked_at")} as "revokedAt"
       from api_token where org_id = $1 and ($2::bigint is null or id < $2)
       order by id desc limit ${PAGE}`,
      [org.orgId, input.before ?? null],
    ),
  );
  return { tokens, before: tokens.length === PAGE ? (tokens.at(-1)?.id ?? null) : null };
}
