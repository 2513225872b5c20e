import { readConfig, secretUsers } from "../../config";
import type { Queryable } from "../../db/pool";
import type { OrgId } from "../../domain/ids";
import { listSecrets, type SecretFacts } from "../../secrets/store";

export interface SecretOverview {
  readonly secrets: readonly (SecretFacts & { readonly usedBy: readonly string[] })[];
  /** Named by a document and not set: its builds fail for it. */
  readonly missing: readonly { readonly name: string; readonly usedBy: readonly string[] }[];
}

/** Every secret with what refers to it. Values are not in it, and nowhere else either. */
export async function secretOverview(tx: Queryable, orgId: OrgId): Promise<SecretOverview> {
  const secrets = await listSecrets(tx, orgId);
  const users = secretUsers((await readConfig(tx, orgId)).documents);
  const known = new Set(secrets.map(({ name }) => name));
  return {
    secrets: secrets.map((secret) => ({ ...secret, usedBy: users.get(secret.name) ?? [] })),
    missing: [...users]
      .filter(([name]) => !known.has(name))
      .map(([name, usedBy]) => ({ name, usedBy })),
  };
}
