/** The source stamps of a buildset: one a codebase, of its newest change or of what is configured. */
import type { StoredChange } from "../domain/changes";
import type { BuildsetPlan } from "./contract";
import type { CodebaseMap } from "./schema";

/** As written: a list of names, or a map; null: whatever codebases changes come from. */
export type Codebases =
  | readonly string[]
  | Readonly<Record<string, Partial<CodebaseMap[string]> | null>>;

export function codebaseMap(given: Codebases | undefined): CodebaseMap | null {
  if (given === undefined) return null;
  const empty = { repository: "", branch: null, revision: null };
  const entries: [string, Partial<CodebaseMap[string]> | null][] = Array.isArray(given)
    ? given.map((name: string) => [name, null])
    : Object.entries(given);
  return Object.fromEntries(entries.map(([name, stamp]) => [name, { ...empty, ...stamp }]));
}

export function stampsOf(
  changes: readonly StoredChange[],
  codebases: CodebaseMap | null,
): BuildsetPlan["sourceStamps"] {
  const newest = new Map(changes.map((change) => [change.codebase, change]));
  const names = codebases === null ? [...newest.keys()] : Object.keys(codebases);
  return names.map((codebase) => {
    const { repository, branch, revision, project } = newest.get(codebase) ?? {
      project: "",
      ...(codebases?.[codebase] ?? { repository: "", branch: null, revision: null }),
    };
    return { codebase, repository, branch, revision, project: project ?? "" };
  });
}
