/** What is wrong in a document that a file does not hold, because of what the file changes. */
import type { Problem } from "./problems";
import type { Documents } from "./schema";

/** The problems, those of documents that stay as they are with words that say so: the file has no such line. */
export function tellOfKept(problems: readonly Problem[], file: Documents): Problem[] {
  return problems.map((problem) => {
    const kept = keptDocument(problem, file);
    if (kept === null) return problem;
    return { ...problem, message: `${problem.message} (${kept}, which stays as it is)` };
  });
}

function keptDocument({ path }: Problem, { organization, projects }: Documents): string | null {
  const [collection, project] = path;
  if (collection !== "projects") {
    return organization === null && path.length > 0 ? "in the organisation's document" : null;
  }
  if (typeof project !== "string" || Object.hasOwn(projects, project)) return null;
  return `in project ${project}`;
}
