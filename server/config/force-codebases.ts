/** What a force scheduler asks of its codebases, with the project's own words filled in. Pure. */
import type { CodebaseOptions, ForceOptions, ParameterOptions } from "../domain/force";
import type { ProjectCodebase } from "./placed";

/**
 * A scheduler that does not say otherwise asks for the codebases of its project; where it leaves a
 * part of one open, the project says what stands there first.
 *
 * @returns null when there is nothing to fill in
 */
export function forceCodebases(
  written: ForceOptions["codebases"],
  known: ReadonlyMap<string, ProjectCodebase> | null,
): ForceOptions["codebases"] | null {
  if (known === null || known.size === 0) return null;
  return (written ?? [...known.keys()]).map((one) => {
    const asked: CodebaseOptions =
      typeof one === "string" ? { type: "CodebaseParameter", codebase: one } : one;
    const { branch, revision, repository, project } = known.get(asked.codebase ?? "") ?? {};
    return {
      ...asked,
      ...open(asked, "branch", branch),
      ...open(asked, "revision", revision),
      ...open(asked, "repository", [repository ?? []].flat()[0]),
      ...open(asked, "project", project),
    };
  });
}

type Part = "branch" | "revision" | "repository" | "project";

function open(
  asked: CodebaseOptions,
  part: Part,
  value: string | null | undefined,
): Partial<Record<Part, ParameterOptions>> {
  if (asked[part] !== undefined || !value) return {};
  const label = `${part[0]?.toUpperCase()}${part.slice(1)}:`;
  return { [part]: { type: "StringParameter", name: part, label, default: value } };
}
