/**
 * What serves people reaches the database only through this: a transaction in which one
 * organisation is set, on a connection whose role sees nothing else (HOUSE, Ownership 10).
 */
import pg from "pg";
import { AppError } from "../domain/errors";
import type { OrgId, UserId } from "../domain/ids";
import type { Database, Queryable } from "./pool";

export interface Scope {
  readonly orgId?: OrgId;
  readonly userId?: UserId;
}

export interface OrgDatabase {
  /** One transaction as seen by this organisation and person. */
  within<T>(scope: Scope, work: (tx: Queryable) => Promise<T>): Promise<T>;
}

/** `database` must have been opened with the role `slipway_web`. */
export function orgDatabase(database: Database): OrgDatabase {
  return {
    async within(scope, work) {
      try {
        return await database.transaction(work, settings(scope));
      } catch (error) {
        if (!isUnstorable(error)) throw error;
        const problem = "a text holds a character that cannot be stored";
        throw new AppError("request.malformed", { problem }, error);
      }
    },
  };
}

/** A null character, or half of a surrogate pair: the fault of whoever sent it. */
function isUnstorable(error: unknown): boolean {
  const { code, detail } = error as { code?: unknown; detail?: unknown };
  if (code === "22021" || code === "22P05") return true;
  return code === "22P02" && /surrogate/.test(String(detail));
}

function settings(scope: Scope): string {
  const set = (name: string, value: number | undefined) =>
    value === undefined
      ? ""
      : `; select set_config('slipway.${name}', ${pg.escapeLiteral(String(value))}, true)`;
  return set("org_id", scope.orgId) + set("user_id", scope.userId);
}
