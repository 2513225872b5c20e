import { z } from "zod";
import type { SignedInUser } from "../../auth/session";
import type { OrgDatabase } from "../../db/org-database";
import { AppError } from "../../domain/errors";
import type { OrgId } from "../../domain/ids";

/** First parts of paths that are ours (the outer contract), so no organisation's. */
const RESERVED = new Set([
  "api",
  "docs",
  "design",
  "_next",
  "socket.io",
  "setup",
  "sign-in",
  "sign-out",
]);

export const createOrganizationInput = z.object({
  name: z.string().trim().min(1, "an organisation needs a name").max(100),
  slug: z
    .string()
    .trim()
    .regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, "small letters, digits and dashes, at most 40")
    .refine((slug) => !RESERVED.has(slug), "this name is taken by the program itself"),
});

/**
 * A new organisation, owned by whoever makes it. Administrators of the installation only: each one
 * is a Buildbot of its own.
 */
export async function createOrganization(
  db: OrgDatabase,
  user: SignedInUser,
  input: z.output<typeof createOrganizationInput>,
): Promise<{ slug: string }> {
  if (!user.isAdmin) {
    throw new AppError("auth.forbidden", {
      action: "a new organisation",
      needs: "an administrator of this installation",
    });
  }
  await db.within({ userId: user.userId }, async (tx) => {
    const [made] = await tx.rows<{ id: OrgId }>(
      `insert into organization (slug, name) values ($1, $2)
       on conflict (slug) do nothing returning id, set_config('slipway.org_id', id::text, true)`,
      [input.slug, input.name],
    );
    if (made === undefined) {
      throw new AppError("request.conflict", { problem: `${input.slug} exists already` });
    }
    await tx.rows("insert into membership (org_id, user_id, role) values ($1, $2, 'owner')", [
      made.id,
      user.userId,
    ]);
  });
  return { slug: input.slug };
}
