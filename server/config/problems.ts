/** Zod's issues as sentences for a person, each with its path. */
import type { z } from "zod";
import { quote } from "./fields";
import type { Path } from "./source";

export interface Problem {
  readonly path: Path;
  readonly message: string;
  /** Whether the name of the thing is wrong, or what it holds. */
  readonly of: "key" | "value";
}

type Issue = z.core.$ZodIssue;

export function problemsOf(error: z.ZodError, root: unknown, base: Path = []): Problem[] {
  return error.issues.flatMap((issue) => ofIssue(issue, root, base));
}

function ofIssue(issue: Issue, root: unknown, base: Path): Problem[] {
  const path = [...base, ...(issue.path as (string | number)[])];
  switch (issue.code) {
    case "unrecognized_keys": {
      const isOwnSentence = !issue.message.startsWith("Unrecognized key");
      const lines = isOwnSentence ? issue.message.split("\n") : [];
      return issue.keys.map((key, index) => ({
        path: [...path, key],
        message:
          lines.length === issue.keys.length ? (lines[index] ?? "") : `unknown key ${quote(key)}`,
        of: "key",
      }));
    }
    case "invalid_key":
      return issue.issues.map((inner) => ({
        path,
        message: `${quote(String(path.at(-1)))} ${inner.message}`,
        of: "key",
      }));
    case "invalid_union":
      return ofUnion(issue, root, path, base);
    case "invalid_type":
      return [{ path, message: wrongType(issue.expected, at(root, issue.path)), of: "value" }];
    default:
      return [{ path, message: plain(issue), of: "value" }];
  }
}

/** Zod's own sentences in ours; one that a schema wrote itself stands as it is. */
function plain(issue: Issue): string {
  switch (issue.code) {
    case "too_small":
      return issue.message.startsWith("Too small")
        ? `must ${bound(issue.origin, issue.minimum, issue.inclusive ? "at least" : "more than")}`
        : issue.message;
    case "too_big":
      return issue.message.startsWith("Too big")
        ? `must ${bound(issue.origin, issue.maximum, issue.inclusive ? "at most" : "less than")}`
        : issue.message;
    case "invalid_value":
      return issue.message.startsWith("Invalid")
        ? `must be ${issue.values.map((value) => quote(String(value))).join(" or ")}`
        : issue.message;
    case "invalid_format":
      return issue.message.startsWith("Invalid") ? `is not a valid ${issue.format}` : issue.message;
    default:
      return issue.message;
  }
}

function bound(origin: string, limit: number | bigint, how: string): string {
  if (origin === "string") return `have ${how} ${limit} characters`;
  if (origin === "array" || origin === "set") return `have ${how} ${limit} items`;
  return `be ${how} ${limit}`;
}

/** The alternative that came furthest explains best; when none got inside, what is wanted at all. */
function ofUnion(
  issue: Extract<Issue, { code: "invalid_union" }>,
  root: unknown,
  path: Path,
  base: Path,
): Problem[] {
  const isOwnSentence = issue.message !== "Invalid input";
  const inside = issue.errors.filter((branch) =>
    branch.every((inner) => inner.path.length > 0 || inner.code !== "invalid_type"),
  );
  const [best] = inside;
  if (best && !isOwnSentence) {
    return best.flatMap((inner) =>
      ofIssue({ ...inner, path: [...issue.path, ...inner.path] } as Issue, root, base),
    );
  }
  if (isOwnSentence) return [{ path, message: issue.message, of: "value" }];
  const expected = issue.errors.flatMap((branch) =>
    branch.flatMap((inner) => (inner.code === "invalid_type" ? [inner.expected] : [])),
  );
  return [{ path, message: wrongType(expected.join(" or "), at(root, issue.path)), of: "value" }];
}

const NAMES: Readonly<Record<string, string>> = {
  string: "text",
  array: "a list",
  object: "a map",
  record: "a map",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  null: "null",
};

function wrongType(expected: string, value: unknown): string {
  const wanted = [...new Set(expected.split(" or ").map((name) => NAMES[name] ?? name))].join(
    " or ",
  );
  if (value === undefined) return `is missing (${wanted})`;
  const hint = wanted.includes("text") && typeof value === "number" ? ": write it in quotes" : "";
  return `must be ${wanted}, not ${nameOf(value)}${hint}`;
}

function nameOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value === null) return "null";
  return typeof value === "object" ? "a map" : `${typeof value} ${quote(String(value))}`;
}

function at(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === "object" && value !== null
        ? (value as Record<PropertyKey, unknown>)[step]
        : undefined,
    root,
  );
}
