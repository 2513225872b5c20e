/**
 * What an expression of a `buildbot.tac` comes to. Known are plain values, names given one before, and
 * the ways in which such files take something from the environment; all else is "computed", which is an
 * error only where a setting needs it.
 */
import type { Token } from "./lines";

export type Plain = string | number | boolean | null;
export type Value =
  | { readonly kind: "plain"; readonly value: Plain }
  | { readonly kind: "computed" };

export const COMPUTED: Value = { kind: "computed" };
const plain = (value: Plain): Value => ({ kind: "plain", value });

export interface Scope {
  readonly names: ReadonlyMap<string, Value>;
  /** The environment that `os.environ` stands for. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const CONSTANTS = new Map<string, Plain>([
  ["None", null],
  ["True", true],
  ["False", false],
]);

export function evaluate(tokens: readonly Token[], scope: Scope): Value {
  const [first] = tokens;
  if (first === undefined) return COMPUTED;
  if (tokens.every((token) => token.kind === "text")) {
    return plain(tokens.map((token) => ("value" in token ? token.value : "")).join(""));
  }
  if (tokens.length === 1) return single(first, scope);
  const [, second] = tokens;
  if (tokens.length === 2 && first.text === "-" && second?.kind === "number") {
    return plain(-Number(second.value));
  }
  if (first.text === "(" && closes(tokens, 0) === tokens.length - 1) {
    const inner = tokens.slice(1, -1);
    return argumentsOf(inner).length === 1 ? evaluate(inner, scope) : COMPUTED;
  }
  return called(tokens, scope);
}

function single(token: Token, { names }: Scope): Value {
  if (token.kind === "number" || token.kind === "text") return plain(token.value);
  if (token.kind !== "name") return COMPUTED;
  const constant = CONSTANTS.get(token.text);
  return constant !== undefined ? plain(constant) : (names.get(token.text) ?? COMPUTED);
}

/** `int(…)`, `str(…)`, `os.environ[…]`, `os.environ.get(…)`, `os.getenv(…)`. */
function called(tokens: readonly Token[], scope: Scope): Value {
  const open = tokens.findIndex(({ kind, text }) => kind === "op" && /^[([]$/.test(text));
  if (open < 0 || closes(tokens, open) !== tokens.length - 1) return COMPUTED;
  const name = spelled(tokens, 0, open) + (tokens[open]?.text ?? "");
  const given = argumentsOf(tokens.slice(open + 1, -1)).map((each) => evaluate(each, scope));
  const [what, otherwise = plain(null)] = given;
  if (what?.kind !== "plain") return COMPUTED;
  const { value } = what;
  switch (name) {
    case "int(":
      return /^-?\d+$/.test(String(value)) ? plain(Number(value)) : COMPUTED;
    case "str(":
      return plain(String(value));
    case "os.environ[":
    case "os.environ.get(":
    case "os.getenv(": {
      const isThere = Object.hasOwn(scope.environment, String(value));
      const told = isThere ? scope.environment[String(value)] : undefined;
      if (told === undefined) return name === "os.environ[" ? COMPUTED : otherwise;
      return plain(told);
    }
    default:
      return COMPUTED;
  }
}

/** Splits at the commas that stand outside all brackets. */
export function argumentsOf(tokens: readonly Token[]): (readonly Token[])[] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token.kind === "op" && "([{".includes(token.text)) depth++;
    if (token.kind === "op" && ")]}".includes(token.text)) depth--;
    if (depth === 0 && token.kind === "op" && token.text === ",") parts.push([]);
    else parts.at(-1)?.push(token);
  }
  // A comma may stand behind the last one.
  return parts.at(-1)?.length === 0 ? parts.slice(0, -1) : parts;
}

/** Where the bracket at `open` is closed. */
export function closes(tokens: readonly Token[], open: number): number {
  let depth = 0;
  return tokens.findIndex(({ kind, text }, index) => {
    if (index < open || kind !== "op") return false;
    if ("([{".includes(text)) depth++;
    if (")]}".includes(text)) depth--;
    return depth === 0;
  });
}

export function spelled(tokens: readonly Token[], from: number, to: number): string {
  return tokens
    .slice(from, to)
    .map(({ text }) => text)
    .join("");
}
