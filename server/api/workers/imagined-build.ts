/**
 * A build that is not there: for a test of options that depend on one, a person says what it would have.
 * Only what the driver is made with counts; secrets stay names.
 */
import { z } from "zod";
import {
  buildReferencesIn,
  type JsonValue,
  type Properties,
  RenderError,
  type Scope,
  type ScopeStamp,
} from "../../domain/properties";
import { freezeOptions } from "../../fleet";
import type { OptionProblem } from "./settings";

/** By what stands in the options: `prop:branch`, `src::revision`. Left out or empty: the build has none. */
export const answersSchema = z
  .record(z.string().max(300), z.string().max(10_000))
  .refine((answers) => Object.keys(answers).length <= 100, "are more than 100");
export type Answers = z.output<typeof answersSchema>;

/** What its options ask of a build; properties that the worker itself gives are not meant. */
export function asksOf(entry: Readonly<Record<string, unknown>>): string[] {
  const { properties: _, defaultProperties: __, name: ___, type: ____, ...options } = entry;
  return buildReferencesIn(options).sort();
}

/** The options as they would be for such a build. */
export function optionsFor(
  config: Readonly<Record<string, unknown>>,
  answers: Answers,
): { readonly config: JsonValue } | { readonly problem: OptionProblem } {
  try {
    return { config: freezeOptions(config, scopeOf(answers)).config };
  } catch (error) {
    if (!(error instanceof RenderError)) throw error;
    return { problem: { path: [], message: `cannot be rendered for the test: ${error.message}` } };
  }
}

function scopeOf(answers: Answers): Pick<Scope, "properties" | "sourceStamps"> {
  const properties: Record<string, Properties[string]> = {};
  const stamps = new Map<string, ScopeStamp>();
  for (const [reference, text] of Object.entries(answers)) {
    if (text === "") continue;
    const [selector, first = "", attribute = ""] = reference.split(":");
    if (selector === "prop") properties[first] = [readValue(text), "test"];
    if (selector === "src") {
      const none = { branch: null, revision: null, repository: "", project: "" };
      const stamp = stamps.get(first) ?? { codebase: first, ...none };
      stamps.set(first, { ...stamp, [attribute]: text });
    }
  }
  return { properties, sourceStamps: [...stamps.values()] };
}

/** A list, a map or a truth where it is written as one; all else is the text itself. */
function readValue(text: string): JsonValue {
  if (!/^\s*([[{]|true\s*$|false\s*$)/.test(text)) return text;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}
