/**
 * Passwords of workers. One that is written out lies in the secret store before anything is
 * versioned (take-out.ts), and the worker's row names the secret: it is read at each login (W-004).
 * Documents of before say `{sealed: …}` and their rows hold the password; both keep working, and
 * move to the store when their document is activated the next time.
 */
import { randomBytes } from "node:crypto";
import type { Queryable } from "../db/pool";
import { isLatentType } from "../drivers/driver-schema";
import { seal, unseal } from "../secrets/seal";
import { knownSecrets, type SecretValue, setSecrets } from "../secrets/store";
import type { ApplyContext } from "./apply";
import type { Problem } from "./problems";
import { secretOf } from "./references";
import type { Sealed } from "./take-out";
import type { WorkerOptions } from "./worker-schema";

export interface PasswordPlan {
  /** Of the secret that holds it; null: the row's own, which nobody wrote. */
  readonly secret: string | null;
  /** For the row: one of ours, known to nobody. */
  readonly sealed: Buffer | null;
}

/** What the row must say; null: it stays as it is. */
export function planPassword(
  key: Buffer,
  { type, password }: WorkerOptions,
  stored: Buffer | null,
): PasswordPlan | null {
  const secret = secretOf(password);
  if (secret !== null) return { secret, sealed: null };
  // Each machine of a latent worker has one of its own, which whoever makes it writes (W-114).
  if (isLatentType(type)) return { secret: null, sealed: null };
  if (typeof password === "object" && password !== null) return null;
  return {
    secret: null,
    sealed: stored === null ? seal(key, randomBytes(32).toString("base64url")) : null,
  };
}

/** Moves passwords out of rows. @returns a problem for each that is not there */
export async function moveSealed(
  tx: Queryable,
  { orgId, author, sealingKey }: ApplyContext,
  sealed: readonly Sealed[],
): Promise<Problem[]> {
  if (sealed.length === 0) return [];
  const known = await knownSecrets(
    tx,
    orgId,
    sealed.map(({ secret }) => secret),
  );
  const missing = sealed.filter(({ secret }) => !known.has(secret));
  const rows = await tx.rows<{ name: string; sealed_password: Buffer }>(
    `select name, sealed_password from worker
     where org_id = $1 and name = any($2) and sealed_password is not null`,
    [orgId, missing.map(({ worker }) => worker)],
  );
  const stored = new Map(rows.map((row) => [row.name, row.sealed_password]));
  const problems: Problem[] = [];
  const moved: SecretValue[] = [];
  for (const { worker, secret, path } of missing) {
    const bytes = stored.get(worker);
    if (bytes) {
      moved.push({ name: secret, value: unseal(sealingKey, bytes) });
    } else {
      const message = "this password is not stored here (any more): write it out";
      problems.push({ path, message, of: "value" });
    }
  }
  await setSecrets(tx, sealingKey, { orgId, actor: author }, moved);
  return problems;
}
