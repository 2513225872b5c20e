/** What may be wrong and keeps nothing from being activated (C-002). */
import type { Queryable } from "../db/pool";
import type { OrgId } from "../domain/ids";
import { knownSecrets } from "../secrets/store";
import { quote } from "./fields";
import type { Problem } from "./problems";
import { references } from "./references";
import type { Documents } from "./schema";

/** Secrets that are named and do not exist (yet). */
export async function missingSecrets(
  tx: Queryable,
  orgId: OrgId,
  { organization, projects }: Documents,
): Promise<Problem[]> {
  const named = references({ ...organization, projects });
  if (named.length === 0) return [];
  const known = await knownSecrets(tx, orgId, [...new Set(named.map(({ name }) => name))]);
  return named
    .filter(({ name }) => !known.has(name))
    .map(({ name, path }) => ({
      path,
      message: `there is no secret ${quote(name)} yet: what needs it will fail until it is set`,
      of: "value",
    }));
}
