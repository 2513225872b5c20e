/** What can be said of a document's values before anything runs. */
import type { z } from "zod";
import { isRenderable, renderableSchema } from "./renderable";
import { isTemplate, type Part, parsePositional, parseTemplate, type Template } from "./template";

export interface WrittenProblem {
  readonly path: readonly (string | number)[];
  /** A sentence for a person, saying where in the text it is. */
  readonly message: string;
}

/** Every mistake in templates and typed renderables (C-025). */
export function templateProblems(value: unknown): WrittenProblem[] {
  const problems: WrittenProblem[] = [];
  visit(value, [], (path, text, { problems: found }) => {
    for (const { at, reason } of found) {
      const where = JSON.stringify(text.slice(at, at + 30));
      problems.push({ path, message: `template, at ${where}: ${reason}` });
    }
  });
  visitTyped(value, [], (path, schema, typed) => {
    for (const issue of schema.safeParse(typed).error?.issues ?? []) {
      const message =
        issue.code === "unrecognized_keys"
          ? `unknown key ${issue.keys.map((key) => JSON.stringify(key)).join(", ")}`
          : issue.message;
      problems.push({ path: [...path, ...(issue.path as (string | number)[])], message });
    }
  });
  return problems;
}

/** The names of all secrets that the value refers to, anywhere. */
export function secretsIn(value: unknown): string[] {
  const names = new Set<string>();
  visit(value, [], (_, __, { parts }) => addSecrets(parts, names));
  visitTyped(value, [], (_, __, typed) => {
    const { type, name } = typed as { type: string; name?: unknown };
    if (type === "Secret" && typeof name === "string") names.add(name);
  });
  return [...names];
}

/** What a build has that the value refers to, as it stands in a template: `prop:branch`, `src::revision`. */
export function buildReferencesIn(value: unknown): string[] {
  const names = new Set<string>();
  visit(value, [], (_, __, { parts }) => addBuildReferences(parts, names));
  visitTyped(value, [], (_, __, typed) => {
    const { type, key } = typed as { type: string; key?: unknown };
    if (type === "Property" && typeof key === "string") names.add(`prop:${key}`);
  });
  return [...names];
}

/**
 * What a strict schema says of a value that is not rendered yet: what it says of a renderable does
 * not count, since nobody knows yet what it will be.
 *
 * @param fixed options that must be plain values
 */
export function issuesAsWritten(
  schema: z.ZodType,
  value: unknown,
  fixed: readonly string[] = [],
): z.core.$ZodIssue[] {
  const issues = schema.safeParse(value).error?.issues ?? [];
  return issues.filter((issue) => fixed.includes(String(issue.path[0])) || counts(issue, value));
}

/** @param base the value at which the issue's path begins */
function counts(issue: z.core.$ZodIssue, base: unknown): boolean {
  let value = base;
  for (const key of issue.path) {
    if (isRenderable(value)) return false;
    value = (value as Record<PropertyKey, unknown> | null | undefined)?.[key];
  }
  if (isRenderable(value)) return false;
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return true;
  // One alternative against which nothing counts is enough.
  return issue.errors.every((alternative) => alternative.some((inner) => counts(inner, value)));
}

type Path = readonly (string | number)[];

function addBuildReferences(parts: readonly Part[], names: Set<string>): void {
  for (const part of parts) {
    if (typeof part === "string" || "conversion" in part) continue;
    const { selector, codebase, key, substitution } = part;
    if (selector === "prop") names.add(`prop:${key}`);
    if (selector === "src") names.add(`src:${codebase}:${key}`);
    addBuildReferences(substitution.present ?? [], names);
    addBuildReferences(substitution.absent, names);
  }
}

function addSecrets(parts: readonly Part[], names: Set<string>): void {
  for (const part of parts) {
    if (typeof part === "string" || "conversion" in part) continue;
    if (part.selector === "secret") names.add(part.key);
    addSecrets(part.substitution.present ?? [], names);
    addSecrets(part.substitution.absent, names);
  }
}

/** Every template, with its text. */
function visit(
  value: unknown,
  path: Path,
  found: (path: Path, text: string, template: Template) => void,
): void {
  if (typeof value === "string") {
    if (isTemplate(value)) found(path, value, parseTemplate(value));
    return;
  }
  for (const [key, item] of entriesOf(value)) {
    if (key === "fmtstring" && typeof item === "string" && isInterpolate(value)) {
      const parse = "args" in value ? parsePositional : parseTemplate;
      found([...path, key], item, parse(item));
    } else {
      visit(item, [...path, key], found);
    }
  }
}

function visitTyped(
  value: unknown,
  path: Path,
  found: (path: Path, schema: z.ZodType, typed: object) => void,
): void {
  const schema = renderableSchema(value);
  if (schema) found(path, schema, value as object);
  for (const [key, item] of entriesOf(value)) visitTyped(item, [...path, key], found);
}

function entriesOf(value: unknown): [string | number, unknown][] {
  if (Array.isArray(value)) return value.map((item, index) => [index, item]);
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

function isInterpolate(value: unknown): value is object {
  return renderableSchema(value) !== null && (value as { type?: unknown }).type === "Interpolate";
}
