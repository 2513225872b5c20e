/**
 * Patterns that tenants write: regular expressions on an engine whose time is linear in the text
 * so that none of them can hold a process up.
 */
import { RE2JS } from "re2js";

const MAX_CHARACTERS = 1_000;

export interface Pattern {
  /** Matches from the start of the text, as Buildbot's filters do; it need not reach the end. */
  matchesStart(text: string): boolean;
  /** Matches the whole text. */
  matchesAll(text: string): boolean;
  /** Matches somewhere in the text, as a search does. */
  finds(text: string): boolean;
}

/** Why this is no pattern, for a person; null when it is one. */
export function patternProblem(source: string): string | null {
  try {
    compilePattern(source);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** @throws Error with a message for a person */
export function compilePattern(source: string): Pattern {
  if (source.length > MAX_CHARACTERS) {
    throw new Error(`a pattern may have at most ${MAX_CHARACTERS} characters`);
  }
  const compiled = compile(source);
  return {
    matchesStart: (text) => compiled.matcher(text).lookingAt(),
    matchesAll: (text) => compiled.matches(text),
    finds: (text) => compiled.matcher(text).find(),
  };
}

function compile(source: string): RE2JS {
  try {
    return RE2JS.compile(source);
  } catch (error) {
    throw new Error(`is not a pattern we can run: ${reason(source, error)}`, { cause: error });
  }
}

function reason(source: string, error: unknown): string {
  if (/\(\?<?[=!]/.test(source)) {
    return "looking ahead and behind, (?=…) (?!…) (?<=…) (?<!…), is not available";
  }
  if (/\\[1-9]/.test(source)) return "references back to a group, \\1, are not available";
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^error parsing regexp: /, "");
}
