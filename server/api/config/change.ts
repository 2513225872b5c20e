import { type Applied, applyConfig, type Documents, readConfig } from "../../config";
import type { Queryable } from "../../db/pool";
import { sealingKey } from "../../secrets/seal";
import type { ApiContext } from "../context";
import type { OrgScope } from "../trpc";

type Stored = Awaited<ReturnType<typeof readConfig>>["documents"];

export const applyOptions = (ctx: ApiContext, org: OrgScope) => ({
  author: org.user.email,
  sealingKey: sealingKey(ctx.runtime.env.secretKey),
  isHosted: ctx.runtime.env.isHosted,
});

/**
 * A small change of the configuration made by a button: the documents as they are, edited, and
 * activated as a new version like any other.
 *
 * @throws ConfigInvalid
 */
export async function changeConfig<T>(
  ctx: ApiContext,
  org: OrgScope,
  edit: (stored: Stored) => Documents,
  read: (tx: Queryable, applied: Applied) => Promise<T>,
): Promise<T> {
  const result = await org.within(async (tx) => {
    // The same lock that an activation takes: nobody activates between reading and writing.
    await tx.rows("select 1 from organization where id = $1 for no key update", [org.orgId]);
    const { documents } = await readConfig(tx, org.orgId);
    const applied = await applyConfig(tx, org.orgId, edit(documents), applyOptions(ctx, org));
    return read(tx, applied);
  });
  ctx.runtime.configChanged(org.orgId);
  return result;
}
