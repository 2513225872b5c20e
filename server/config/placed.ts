/** The schedulers and change sources of the documents, each with its place. Pure. */
import { changeSourceName } from "../change-sources/change-source-schema";
import type { Documents, ProjectDocument } from "./schema";
import type { Path } from "./source";

/** As written; what the schema of its type accepted. */
type Written = NonNullable<ProjectDocument["schedulers"]>[number];

export interface Placed {
  readonly project: string;
  readonly name: string;
  readonly options: Written;
  readonly path: Path;
}

export function placedSchedulers(projects: Documents["projects"]): Placed[] {
  return Object.entries(projects).flatMap(([project, document]) =>
    (document.schedulers ?? []).map((options, index) => ({
      project,
      name: String(options.name),
      options,
      path: ["projects", project, "schedulers", index],
    })),
  );
}

export function placedChangeSources(projects: Documents["projects"]): Placed[] {
  return Object.entries(projects).flatMap(([project, { change_source: source }]) => {
    const path = ["projects", project, "change_source"];
    const placed = (options: Written, at: Path): Placed => ({
      project,
      name: changeSourceName(options),
      options,
      path: at,
    });
    if (source === undefined) return [];
    return Array.isArray(source)
      ? source.map((options, index) => placed(options, [...path, index]))
      : [placed(source as Written, path)];
  });
}

export interface ProjectCodebase {
  readonly repository?: string | readonly string[];
  readonly branch?: string | null;
  readonly revision?: string | null;
  readonly project?: string;
}

/** By name; null when the project does not say. */
export function projectCodebases(
  document: ProjectDocument | undefined,
): ReadonlyMap<string, ProjectCodebase> | null {
  const { codebases } = document ?? {};
  if (codebases === undefined) return null;
  return Array.isArray(codebases)
    ? new Map(codebases.map((name) => [name, {}]))
    : new Map(
        Object.entries(codebases as Record<string, ProjectCodebase | null>).map(([name, given]) => [
          name,
          given ?? {},
        ]),
      );
}
