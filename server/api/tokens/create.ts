import { z } from "zod";
import { isTokenScope, SCOPES, type TokenScope } from "../../auth/roles";
import { createToken } from "../../auth/token";
import type { OrgScope } from "../trpc";

const SCOPE = `is none of ${SCOPES.join(", ")} trigger:GLOB and join:POOL`;

export const createTokenInput = z.object({
  name: z.string().trim().min(1, "a token needs a name").max(100),
  scopes: z
    .array(z.custom<TokenScope>((value) => typeof value === "string" && isTokenScope(value), SCOPE))
    .min(1, "choose at least one scope")
    .max(20),
  /** null: it never expires. */
  days: z.number().int().min(1).max(3650).nullable(),
});

const DAY_MS = 86_400_000;

/** @returns the token, shown this once */
export async function newToken(
  org: OrgScope,
  input: z.output<typeof createTokenInput>,
  now: number,
): Promise<{ token: string }> {
  const token = await org.within((tx) =>
    createToken(tx, org.orgId, {
      name: input.name,
      scopes: input.scopes,
      expiresAt: input.days === null ? null : new Date(now + input.days * DAY_MS),
      createdBy: org.user.email,
    }),
  );
  return { token };
}
