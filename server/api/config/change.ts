import { type Applied, applyConfig, type Documents, readConfig } from "../../config";
import { only, type Queryable } from "../../db/pool";
import type { OrgId } from "../../domain/ids";
import { sealingKey } from "../../secrets/seal";
import type { ApiContext } from "../context";
import type { OrgScope } from "../trpc";

export type Stored = Awaited<ReturnType<typeof readConfig>>["documents"];

export const applyOptions = (ctx: ApiContext, org: OrgScope) => ({
  author: org.user.email,
  sealingKey: sealingKey(ctx.runtime.env.secretKey),
  isHosted: ctx.runtime.env.isHosted,
});

/** The documents as they are, edited and activated, in the caller's transaction. */
export async function editConfig(
  tx: Queryable,
  orgId: OrgId,
  options: ReturnType<typeof applyOptions>,
  edit: (stored: Stored) => Documents,
): Promise<Applied> {
  // The same lock that an activation takes: nobody activates between reading and writing.
  await tx.rows("select 1 from organization where id = $1 for no key update", [orgId]);
  const { documents } = await readConfig(tx, orgId);
  return applyConfig(tx, orgId, edit(documents), options);
}

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
    const applied = await editConfig(tx, org.orgId, applyOptions(ctx, org), edit);
    return read(tx, applied);
  });
  ctx.runtime.configChanged(org.orgId);
  return result;
}

type Named = { readonly name: string };
const TABLES = { workers: "worker", pools: "pool" } as const;

/**
 * Writes a worker or a pool into the organisation's document, in the place of the one that is edited: a
 * new version like any other.
 *
 * @returns the id of its row
 * @throws ConfigInvalid when it does not fit the other documents
 */
export async function saveEntry(
  ctx: ApiContext,
  org: OrgScope,
  list: keyof typeof TABLES,
  entry: Named,
  before: Named | null | undefined,
): Promise<number> {
  return changeConfig(
    ctx,
    org,
    ({ organization }) => {
      const entries: readonly Named[] = organization[list] ?? [];
      const next = { ...organization, [list]: withEntry(entries, entry, before) };
      return { organization: next, projects: {} };
    },
    async (tx) => {
      const rows = await tx.rows<{ id: number }>(
        `select id from ${TABLES[list]} where org_id = $1 and name = $2`,
        [org.orgId, entry.name],
      );
      return only(rows).id;
    },
  );
}

/** The entries of a document's list with this one among them: in the place of the one that is edited, or last. */
function withEntry<E extends { readonly name?: unknown }>(
  entries: readonly E[],
  entry: E,
  before: E | null | undefined,
): readonly E[] {
  const isIt = ({ name }: E) => before != null && name === before.name;
  return entries.some(isIt) ? entries.map((one) => (isIt(one) ? entry : one)) : [...entries, entry];
}
