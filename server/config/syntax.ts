/** What the YAML reader found wrong, in plain words: for a person who does not know its grammar. */
import type { YAMLError } from "yaml";
import { quote } from "./fields";

const SENTENCES: Partial<Record<YAMLError["code"], (error: YAMLError, at: string) => string>> = {
  TAB_AS_INDENT: () => "is indented with a tab: use spaces",
  BAD_INDENT: ({ message }) =>
    message.includes(" ]")
      ? 'a list that begins with "[" does not end with "]" in time'
      : message.includes(" }")
        ? 'a map that begins with "{" does not end with "}" in time'
        : "is not indented like the lines it belongs to",
  MISSING_CHAR: ({ message }) =>
    message.includes("quote")
      ? "a text that begins with a quote does not end with one"
      : message.includes("map values") || message.includes('":"')
        ? 'a ":" with a space after it is missing, or the line is indented wrongly'
        : /comma|,/.test(message)
          ? 'a "," is missing between two items'
          : "something is missing here, or the line is indented wrongly",
  BLOCK_AS_IMPLICIT_KEY: () =>
    'there is a second ":" in one line, or a line is indented wrongly: put text with ": " in quotes',
  MULTILINE_IMPLICIT_KEY: () =>
    'this line and the next do not fit together: a ":" is missing, or one is indented wrongly',
  BLOCK_IN_FLOW: () => "a list with dashes cannot stand inside [ ] or { }",
  UNEXPECTED_TOKEN: () =>
    "does not belong here: the lines before it are of another kind (a list, a map, a text)",
  BAD_SCALAR_START: (_, at) => `text cannot begin with ${quote(at)}: put it in quotes`,
  BAD_DQ_ESCAPE: ({ message }) => {
    const sequence = message.split(" ").at(-1) ?? "";
    return `${quote(sequence)} means nothing inside double quotes: double the backslash, or use single quotes`;
  },
  BAD_ALIAS: () => "there is no anchor of this name before it",
  TAG_RESOLVE_FAILED: () => "tags (words that begin with !) have no meaning here",
  BAD_DIRECTIVE: () => "lines that begin with % have no meaning here",
  KEY_OVER_1024_CHARS: () => "this name is longer than 1024 characters",
  NON_STRING_KEY: () => "a name must be text",
};

export function inPlainWords(error: YAMLError, text: string): string {
  const sentence = SENTENCES[error.code]?.(error, text.charAt(error.pos[0]));
  return `cannot be read as YAML: ${sentence ?? error.message}`;
}
