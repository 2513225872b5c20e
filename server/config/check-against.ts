/** The check of a text together with the documents that are active, as activation would do it. */
import type { Queryable } from "../db/pool";
import type { OrgId } from "../domain/ids";
import { type CheckOptions, checkConfig } from "./check";
import { crossCheck } from "./cross-check";
import { tellOfKept } from "./kept-documents";
import type { ConfigError } from "./source";
import { readConfig } from "./stored";
import { warningsOf } from "./warnings";

export interface Judgement {
  readonly errors: readonly ConfigError[];
  /** What may be wrong and keeps nothing from being activated. */
  readonly warnings: readonly ConfigError[];
}

export async function checkAgainst(
  tx: Queryable,
  orgId: OrgId,
  text: string,
  options: CheckOptions,
): Promise<Judgement> {
  const { errors, documents, locate } = checkConfig(text, options);
  if (!documents) return { errors, warnings: [] };
  const stored = (await readConfig(tx, orgId)).documents;
  const isAll = options.isWhole && (options.target ?? "all") === "all";
  const problems = crossCheck({
    organization: documents.organization ?? stored.organization,
    projects: { ...(isAll ? {} : stored.projects), ...documents.projects },
  });
  return {
    errors: locate(tellOfKept(problems, documents)),
    warnings: locate(await warningsOf(tx, orgId, documents)),
  };
}
