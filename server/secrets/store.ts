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

export interface SecretValue {
  readonly name: string;
  readonly value: string;
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
  author: Author,
  secret: SecretValue,
): Promise<SetOutcome> {
  return (await setSecrets(tx, key, author, [secret])).get(secret.name) as SetOutcome;
}

/**
 * As many statements for a thousand as for one. Of several values for one name the last counts.
 * @returns the outcome of each name
 */
export async function setSecrets(
  tx: Rows,
  key: Buffer,
  { orgId, actor }: Author,
  secrets: readonly SecretValue[],
): Promise<Map<string, SetOutcome>> {
  if (secrets.length === 0) return new Map();
  const values = new Map(secrets.map(({ name, value }) => [name, value]));
  // Locked in one order, whoever asks.
  const rows = await tx.rows<{ name: string; sealed: Buffer }>(
    "select name, sealed from secret where org_id = $1 and name = any($2) order by name for update",
    [orgId, [...values.keys()]],
  );
  const stored = new Map(rows.map(({ name, sealed }) => [name, sealed]));
  const outcomes = new Map(
    [...values].map(([name, value]) => [name, outcomeOf(key, stored.get(name), value)]),
  );
  const written = [...values.keys()].filter((name) => outcomes.get(name) !== "same");
  if (written.length === 0) return outcomes;
  await tx.rows(
    `with given as (
       select * from unnest($3::text[], $4::bytea[], $5::text[]) as g (name, sealed, outcome)),
     noted as (
       insert into audit_entry (org_id, actor, action, subject, detail)
       select $1, $2, 'secret.set', 'secret ' || name, jsonb_build_object('outcome', outcome)
       from given order by name)
     insert into secret (org_id, name, sealed, updated_by)
     select $1, name, sealed, $2 from given order by name
     on conflict (org_id, name) do update
     set sealed = excluded.sealed, updated_at = now(), updated_by = excluded.updated_by`,
    [
      orgId,
      actor,
      written,
      written.map((name) => seal(key, values.get(name) as string)),
      written.map((name) => outcomes.get(name)),
    ],
  );
  return outcomes;
}

function outcomeOf(key: Buffer, sealed: Buffer | undefined, value: string): SetOutcome {
  if (sealed === undefined) return "added";
  return holds(key, sealed, value) ? "same" : "changed";
}

/** @returns false when there was none of that name */
export async function removeSecret(tx: Rows, author: Author, name: string): Promise<boolean> {
  const gone = await tx.rows("delete from secret where org_id = $1 and name = $2 returning id", [
    author.orgId,
    name,
  ]);
  if (gone.length > 0) await noteRemoval(tx, author, name);
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

async function noteRemoval(tx: Rows, { orgId, actor }: Author, name: string): Promise<void> {
  await tx.rows(
    `insert into audit_entry (org_id, actor, action, subject, detail)
     values ($1, $2, 'secret.remove', $3, '{}')`,
    [orgId, actor, `secret ${name}`],
  );
}
