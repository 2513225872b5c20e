/** Reads the built-in store: values and the audit entry of the read in one statement. */
import { AppError } from "../../domain/errors";
import { Secret, type SecretReader } from "../contract";
import { unseal } from "../seal";
import type { Rows } from "../store";

const READ = `
  with found as (select name, sealed from secret where org_id = $1 and name = any($2)),
  noted as (
    insert into audit_entry (org_id, actor, action, subject, detail)
    select $1, $3, 'secret.read', 'secrets', jsonb_build_object('names', jsonb_agg(name order by name))
    from found having count(*) > 0)
  select name, sealed from found`;

export function databaseSecrets(db: Rows, key: Buffer): SecretReader {
  return {
    async read({ orgId, names, reader, enrol }) {
      if (names.length === 0) return new Map();
      const rows = await db.rows<{ name: string; sealed: Buffer }>(READ, [orgId, names, reader]);
      const values = rows.map(({ name, sealed }) => ({ name, value: open(key, name, sealed) }));
      for (const hidden of values) enrol(hidden);
      return new Map(values.map(({ name, value }) => [name, new Secret(name, value)]));
    },
  };
}

function open(key: Buffer, name: string, sealed: Buffer): string {
  try {
    return unseal(key, sealed);
  } catch (error) {
    throw new AppError("secret.unreadable", { name }, error);
  }
}
