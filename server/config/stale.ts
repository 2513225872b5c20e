/**
 * Two people, one document: what a file says is held against what it started from, document by
 * document. One that the file left as it was is not its author's business; one that moved on since
 * is refused, and says who moved it. Nobody's work is lost.
 */
import type { Queryable } from "../db/pool";
import { AppError } from "../domain/errors";
import type { ApplyContext } from "./apply";
import type { StoredConfig, StoredDocument } from "./stored";
import { readVersions } from "./stored";
import type { Prepared } from "./take-out";

/** What somebody else did to a document meanwhile. */
export interface Meanwhile {
  readonly project: string | null;
  readonly author: string;
  readonly at: Date;
  readonly number: number;
}

export class ConfigStale extends AppError {
  constructor(
    readonly meanwhile: readonly Meanwhile[],
    base: number,
  ) {
    const said = meanwhile.map(
      ({ project, author, number, at }) =>
        `${titleOf(project)} has version ${number} now, by ${author}, ${at.toISOString()}`,
    );
    super("config.stale", { what: said.join("; "), base });
  }
}

export const titleOf = (project: string | null): string =>
  project === null ? "the organisation's document" : `project ${project}`;

/** @throws ConfigStale */
export async function heldChanges(
  tx: Queryable,
  { stored }: StoredConfig,
  prepared: readonly Prepared[],
  { orgId, base = null, force = false, prune = false }: ApplyContext,
): Promise<{ held: Prepared[]; removed: string[] }> {
  const isMentioned = (name: string) => prepared.some(({ project }) => project === name);
  const absent = stored.flatMap((item) =>
    prune && item.project !== null && !isMentioned(item.project) ? [item] : [],
  );
  if (base === null || force) {
    return { held: [...prepared], removed: absent.flatMap(({ project }) => project ?? []) };
  }
  const started = await readVersions(tx, orgId, base);
  const startOf = (project: string | null) => started.find((item) => item.project === project);
  const newestOf = (project: string | null) => stored.find((item) => item.project === project);

  const held = prepared.filter(({ project, text }) => startOf(project)?.text !== text);
  // A project that came later is not missing from the file: it could not know of it.
  const removed = absent.filter(({ project }) => startOf(project) !== undefined);
  const meanwhile = [
    ...held.flatMap(({ project, text }) => {
      const newest = newestOf(project);
      return newest && newest.text !== text ? [newest] : [];
    }),
    ...removed,
  ].filter(({ revision }) => revision > base);
  if (meanwhile.length > 0) throw new ConfigStale(meanwhile.map(asMeanwhile), base);
  return { held, removed: removed.flatMap(({ project }) => project ?? []) };
}

const asMeanwhile = ({ project, author, at, number }: StoredDocument): Meanwhile => ({
  project,
  author,
  at,
  number,
});
