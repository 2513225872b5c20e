/** What may be wrong and keeps nothing from being activated (C-002). */
import type { Queryable } from "../db/pool";
import type { OrgId } from "../domain/ids";
import { isLatentType, latentWarnings } from "../drivers/driver-schema";
import { knownSecrets } from "../secrets/store";
import { quote } from "./fields";
import type { Problem } from "./problems";
import { references } from "./references";
import type { Documents } from "./schema";

export async function warningsOf(
  tx: Queryable,
  orgId: OrgId,
  documents: Documents,
): Promise<Problem[]> {
  return [...ofWorkers(documents), ...(await missingSecrets(tx, orgId, documents))];
}

/** What drivers of latent workers have to say of options that are right, whether a pool makes them or not. */
function ofWorkers({ organization }: Documents): Problem[] {
  const { workers = [], pools = [] } = organization ?? {};
  return [
    ...workers.flatMap((worker, index) => ofOptions(worker, ["workers", index])),
    ...pools.flatMap(({ worker }, index) => ofOptions(worker, ["pools", index, "worker"])),
  ];
}

function ofOptions(options: { readonly type: string }, at: Problem["path"]): Problem[] {
  if (!isLatentType(options.type)) return [];
  return latentWarnings(options.type, { ...options }, {}).map(({ path, message }) => ({
    path: [...at, ...path],
    message,
    of: "value",
  }));
}

/** Secrets that are named and do not exist (yet). */
async function missingSecrets(
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
