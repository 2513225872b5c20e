/**
 * What people may say of a source, and of properties whose names they choose themselves (CORE §2,
 * `validation`). Patterns of the organisation; matched from the start, as Buildbot does.
 */
import { compilePattern, type Pattern } from "../patterns";

/** Buildbot's defaults, whose `\w` holds the letters of all scripts. */
export const DEFAULT_VALIDATION = {
  branch: "^[\\p{L}\\p{N}_.+/~-]*$",
  revision: "^[ \\p{L}\\p{N}_.\\-/]*$",
  property_name: "^[\\p{L}\\p{N}_.\\-/~:]*$",
  property_value: "^[\\p{L}\\p{N}_.\\-/~:]*$",
} as const;

export type Validated = keyof typeof DEFAULT_VALIDATION;

/** Compiled once, used often. */
export type Validation = Readonly<
  Record<Validated, { readonly source: string; readonly pattern: Pattern }>
>;

/** @param stored the patterns that the organisation sets */
export function validationOf(stored: unknown): Validation {
  const given = typeof stored === "object" && stored !== null ? stored : {};
  const entries = Object.entries({ ...DEFAULT_VALIDATION, ...given }).map(([what, source]) => [
    what,
    { source, pattern: compilePattern(source) },
  ]);
  return Object.fromEntries(entries) as Validation;
}

const WHAT: Readonly<Record<Validated, string>> = {
  branch: "a branch name",
  revision: "a revision",
  property_name: "a property name",
  property_value: "a value of such a property",
};

/** Why this text is not allowed here, or null. Nothing said is nothing wrong. */
export function validationProblem(
  validation: Validation,
  what: Validated,
  text: string,
): string | null {
  if (text === "") return null;
  const isSource = what === "branch" || what === "revision";
  // A version control program would take it for an option.
  if (isSource && text.startsWith("-")) return "must not begin with -";
  const { source, pattern } = validation[what];
  return pattern.matchesStart(text) ? null : `is not ${WHAT[what]}: it must match ${source}`;
}
