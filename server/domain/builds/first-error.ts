/**
 * Where a failed step's log should be opened: its first line that reads like an error. A guess from
 * how compilers, test runners and shells speak; the log itself stays the only authority.
 */
const ERROR =
  /(?:^|[^\w-])(?:fatal(?: error)?:|error(?:\[\w+\])?:|error [A-Z]*\d+|FAIL(?:ED|URE)?\b|Traceback \(most recent|panicked at|AssertionError|Unhandled|npm ERR!|\*\*\* \[|BUILD FAILED|command not found|No such file or directory)/;

/** Words that hold an error's name and are none. */
const HARMLESS = /\b0 (?:errors?|failed|failures)\b|-Werror|--error/i;

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with ESC
const ESCAPES = /\u001b\[[0-9;?]*[A-Za-z]/g;

/** Only the beginning of a very long line is looked at. */
const LOOKED_AT = 2000;

export function readsLikeError(text: string): boolean {
  const plain = text.slice(0, LOOKED_AT).replace(ESCAPES, "");
  return ERROR.test(plain) && !HARMLESS.test(plain);
}

/** Number of the first line that reads like an error; null: none does. */
export function firstError(
  lines: Iterable<{ readonly number: number; readonly stream: string; readonly text: string }>,
): number | null {
  for (const line of lines) {
    if (line.stream !== "header" && readsLikeError(line.text)) return line.number;
  }
  return null;
}
