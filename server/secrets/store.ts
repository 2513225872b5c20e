/**
 * The built-in store: one row a secret, sealed under the installation's key. Nothing here gives a
 * value back; that is the reader's business (`database`).
 */
import type { OrgId } from "../domain/ids";
import { seal, unseal } from "./seal";

/** A transaction that may see the organisation. */
export interface Rows {
  rows<R>(statement: string, values?: readonly unknown[]): Promise<R[]>;
}

export interface Author {
  readonly orgId: OrgId;
  /** As histories name them. */
  readonly actor: string;
}

export interface SecretFacts {
  readonly name: string;
  readonly updatedAt: Date;
  readonly updatedBy: string;
}

/** `same`: it had that value already, and nothing was written. */
export type SetOutcome = "added" | "changed" | "same";

/** Name and value are checked by `schema` first. */
export async function setSecret(
  tx: Rows,
  key: Buffer,
  { orgId, actor }: Author,
  { name, value }: { readonly name: string; readonly value: string },
): Promise<SetOutcome> {
  const [before] = await tx.rows<{ sealed: Buffer }>(
    "select sealed from secret where org_id = $1 and name = $2 for update",
    [orgId, name],
  );
  if (before && holds(key, before.sealed, value)) return "same";
  const outcome = before ? "changed" : "added";
  await tx.rows(
    `insert into secret (org_id, name, sealed, updated_by) values ($1, $2, $3, $4)
     on conflict (org_id, name) do update
     set sealed = excluded.sealed, updated_at = now(), updated_by = excluded.updated_by`,
    [orgId, name, seal(key, value), actor],
  );
  await note(tx, { orgId, actor }, "secret.set", name, { outcome });
  return outcome;
}

/** @returns false when there was none of that name */
export async function removeSecret(tx: Rows, author: Author, name: string): Promise<boolean> {
  const gone = await tx.rows("delete from secret where org_id = $1 and name = $2 returning id", [
    author.orgId,
    name,
  ]);
  if (gone.length > 0) await note(tx, author, "secret.remove", name, {});
  return gone.length > 0;
}

/** In the order of their names, those behind `after` first. */
export async function listSecrets(
  tx: Rows,
  orgId: OrgId,
  { after = "", limit = 10_000 }: { readonly after?: string; readonly limit?: number } = {},
): Promise<SecretFacts[]> {
  return tx.rows<SecretFacts>(
    `select name, updated_at as "updatedAt", updated_by as "updatedBy" from secret
     where org_id = $1 and name > $2 order by name limit $3`,
    [orgId, after, limit],
  );
}

/** Those of the names that there are. */
export async function knownSecrets(
  tx: Rows,
  orgId: OrgId,
  names: readonly string[],
): Promise<Set<string>> {
  const rows = await tx.rows<{ name: string }>(
    "select name from secret where org_id = $1 and name = any($2)",
    [orgId, names],
  );
  return new Set(rows.map(({ name }) => name));
}

function holds(key: Buffer, sealed: Buffer, value: string): boolean {
  try {
    return unseal(key, sealed) === value;
  } catch {
    // Sealed under a key that is gone: this is how it becomes readable again.
    return false;
  }
}

async function note(
  tx: Rows,
  { orgId, actor }: Author,
  action: string,
  name: string,
  detail: object,
): Promise<void> {
  await tx.rows(
    `insert into audit_entry (org_id, actor, action, subject, detail) values ($1, $2, $3, $4, $5)`,
    [orgId, actor, action, `secret ${name}`, JSON.stringify(detail)],
  );
}
