/** What must hold between schedulers, change sources and what they name. Pure. */
import { duplicates, placedBuilders } from "./cross-check";
import { checkWorkerChoice } from "./cross-check-force";
import { nearest, quote } from "./fields";
import { type Placed, placedChangeSources, placedSchedulers, projectCodebases } from "./placed";
import type { Problem } from "./problems";
import type { Documents } from "./schema";

export function checkSchedulers(documents: Documents): Problem[] {
  const placed = placedSchedulers(documents.projects);
  const builders = placedBuilders(documents).map(({ builder }) => builder.name);
  return [
    ...duplicates(named(placed, "scheduler", "name")),
    // Without the organisation's own document, builders may be elsewhere.
    ...(documents.organization ? placed.flatMap((one) => unknownBuilders(one, builders)) : []),
    ...placed.flatMap((one) => unknownCodebases(one, documents)),
    ...placed.flatMap((one) => checkWorkerChoice(one, documents)),
  ];
}

export function checkChangeSources(documents: Documents): Problem[] {
  const placed = placedChangeSources(documents.projects);
  return [
    ...duplicates(named(placed, "change source", null)),
    ...placed.flatMap((one) => unknownCodebases(one, documents)),
  ];
}

function named(placed: readonly Placed[], what: string, key: "name" | null) {
  return placed.map(({ name, path }) => ({ name, path: key ? [...path, key] : path, what }));
}

function unknownBuilders({ options, path }: Placed, builders: readonly string[]): Problem[] {
  const names = Array.isArray(options.builderNames) ? (options.builderNames as unknown[]) : [];
  return names.flatMap((name, index): Problem[] => {
    if (typeof name !== "string" || builders.includes(name)) return [];
    // A template is a name only when there is a change.
    if (name.includes("%(")) return [];
    const near = nearest(name, builders);
    const hint = near === null ? "" : `: did you mean ${quote(near)}?`;
    return [
      {
        path: [...path, "builderNames", index],
        message: `there is no builder ${quote(name)}${hint}`,
        of: "value",
      },
    ];
  });
}

/** Where a project says what its codebases are, others are slips. */
function unknownCodebases({ project, options, path }: Placed, documents: Documents): Problem[] {
  const known = projectCodebases(documents.projects[project]);
  if (known === null) return [];
  const { codebase, codebases } = options;
  const problem = (name: string, at: Problem["path"], of: Problem["of"]): Problem[] => {
    if (known.has(name)) return [];
    const near = nearest(name, [...known.keys()]);
    const hint = near === null ? "" : `: did you mean ${quote(near)}?`;
    return [{ path: at, message: `project has no codebase ${quote(name)}${hint}`, of }];
  };
  if (typeof codebase === "string") return problem(codebase, [...path, "codebase"], "value");
  if (Array.isArray(codebases)) {
    return codebases.flatMap((one, index) => {
      const name = typeof one === "string" ? one : String(one?.codebase ?? "");
      return problem(name, [...path, "codebases", index], "value");
    });
  }
  return Object.keys(codebases ?? {}).flatMap((name) =>
    problem(name, [...path, "codebases", name], "key"),
  );
}
