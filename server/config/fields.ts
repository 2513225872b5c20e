/** Fields that several kinds of configured things share. Zod only: a browser may load this. */
import { z } from "zod";
import { patternProblem } from "../domain/patterns";

/** Options of Buildbot that we know of and cannot serve yet: saying so beats ignoring them. */
export interface KnownLater {
  readonly later?: readonly string[];
}

/** An object whose unknown keys are errors that name a near match, one line per key. */
export function strict<S extends z.core.$ZodLooseShape>(shape: S, { later = [] }: KnownLater = {}) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? (issue.keys as string[]).map((key) => unknownKey(key, known, later)).join("\n")
        : undefined,
  });
}

export function unknownKey(
  key: string,
  known: readonly string[],
  later: readonly string[] = [],
): string {
  if (later.includes(key)) return `${quote(key)} is not supported yet`;
  const near = nearest(key, [...known, ...later]);
  return `unknown key ${quote(key)}${near === null ? "" : `: did you mean ${quote(near)}?`}`;
}

/** Quoted so that nothing invisible reaches a person's screen. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}

/** The candidate that differs by the fewest edits, if that is few enough to be a slip. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  if (word.length > 60) return null;
  const allowed = Math.max(1, Math.floor(word.length / 3));
  const ranked = candidates
    .map((candidate) => ({ candidate, edits: distance(plain(word), plain(candidate)) }))
    .filter(({ edits }) => edits <= allowed)
    .sort((a, b) => a.edits - b.edits);
  return ranked[0]?.candidate ?? null;
}

const plain = (word: string) => word.toLowerCase().replaceAll(/[-_ ]/g, "");

/** Edits (insert, delete, replace) that turn one word into the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** A name that a person can read aloud: no control or invisible characters, no spaces around it. */
export const name = (longest: number) =>
  z
    .string()
    .min(1, "must not be empty")
    .max(longest, `must have at most ${longest} characters`)
    .refine((value) => !/[\p{C}\p{Zl}\p{Zp}]/u.test(value), {
      message: "must not contain control or invisible characters",
    })
    .refine((value) => value.trim() === value, "must not begin or end with a space");

/** A regular expression on the linear-time engine. */
export const pattern = z.string().superRefine((source, context) => {
  const problem = patternProblem(source);
  if (problem !== null) context.addIssue({ code: "custom", message: problem });
});

export const PROPERTY_NAME = /^[\w.\-/~:]{1,256}$/;

export const properties = z.record(
  z.string().regex(PROPERTY_NAME, "is not a property name (letters, digits and . - _ / ~ :)"),
  z.json(),
);

const environmentValue = z.union([z.string(), z.array(z.string()), z.null()], {
  error: "must be text (write numbers in quotes), a list of texts, or null to remove it",
});

export const environment = z.record(
  z.string().regex(/^[^=\0]{1,256}$/, "is not a name of an environment variable"),
  environmentValue,
);
