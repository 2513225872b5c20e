/** ChangeFilter (CORE §8): all that it says must hold. */
import type { StoredChange } from "../domain/changes";
import { compilePattern } from "../domain/patterns";
import { type ChangeFilterOptions, FILTERED } from "./change-filter-schema";

type Test = (change: StoredChange) => boolean;
type Values = string | null | readonly (string | null)[];
type Patterns = string | readonly string[];

export function compileFilter(filter: ChangeFilterOptions = {}): Test {
  const tests: Test[] = FILTERED.flatMap((field) =>
    conditions(
      (change) => change[field],
      filter[field],
      filter[`${field}_not_eq`],
      filter[`${field}_re`],
      filter[`${field}_not_re`],
    ),
  );
  const names = new Set(
    [
      filter.property_eq,
      filter.property_not_eq,
      filter.property_re,
      filter.property_not_re,
    ].flatMap((map) => Object.keys(map ?? {})),
  );
  for (const name of names) {
    tests.push(
      ...conditions(
        (change) => asText(change.properties[name]),
        filter.property_eq?.[name],
        filter.property_not_eq?.[name],
        filter.property_re?.[name],
        filter.property_not_re?.[name],
      ),
    );
  }
  return (change) => tests.every((test) => test(change));
}

function conditions(
  of: (change: StoredChange) => string | null,
  eq: Values | undefined,
  notEq: Values | undefined,
  re: Patterns | undefined,
  notRe: Patterns | undefined,
): Test[] {
  const tests: Test[] = [];
  if (eq !== undefined) tests.push(isOneOf(of, eq));
  if (notEq !== undefined) tests.push(not(isOneOf(of, notEq)));
  if (re !== undefined) tests.push(matchesOneOf(of, re));
  if (notRe !== undefined) tests.push(not(matchesOneOf(of, notRe)));
  return tests;
}

const not =
  (test: Test): Test =>
  (change) =>
    !test(change);

function isOneOf(of: (change: StoredChange) => string | null, values: Values): Test {
  const wanted = new Set([values].flat());
  return (change) => wanted.has(of(change));
}

/** What has no value is matched as no text. */
function matchesOneOf(of: (change: StoredChange) => string | null, sources: Patterns): Test {
  const patterns = [sources].flat().map(compilePattern);
  return (change) => patterns.some((pattern) => pattern.matchesStart(of(change) ?? ""));
}

function asText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === "string" ? value : JSON.stringify(value);
}
