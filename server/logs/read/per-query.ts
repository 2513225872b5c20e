import type { OrgDatabase, Scope } from "../../db/org-database";
import type { Queryable } from "../../db/pool";

/** A transaction per statement, for reads that last as long as a person's connection does. */
export function perQuery(database: OrgDatabase, scope: Scope): Queryable {
  return {
    rows: (statement, values) => database.within(scope, (tx) => tx.rows(statement, values)),
  };
}
