/**
 * Globs over paths and names of branches: `*` and `?` within one part, `**` across parts, `[a-z]`,
 * `{a,b}`. They become patterns of the linear-time engine.
 */
import { compilePattern, type Pattern } from "./pattern";

export function isGlob(text: string): boolean {
  return /[*?[\]{}]/.test(text);
}

/** @throws Error with a message for a person */
export function compileGlob(glob: string): Pattern {
  return compilePattern(asPattern(glob));
}

function asPattern(glob: string): string {
  let pattern = "";
  let depth = 0;
  for (let at = 0; at < glob.length; ) {
    const rest = glob.slice(at);
    const group = /^\[([!^]?)([^\]]+)\]/.exec(rest);
    if (rest.startsWith("**/")) {
      // Also no folder at all: `**/a` is every `a`.
      pattern += "(?:.*/)?";
      at += 3;
    } else if (rest.startsWith("**")) {
      pattern += ".*";
      at += 2;
    } else if (group) {
      const [whole, isNot, set = ""] = group;
      pattern += `[${isNot ? "^/" : ""}${set.replaceAll(/[\\[\]^&~]/g, "\\$&")}]`;
      at += whole.length;
    } else {
      const character = String.fromCodePoint(glob.codePointAt(at) ?? 0);
      if (character === "{") depth += 1;
      if (character === "}") depth -= 1;
      if (depth < 0) throw new Error("has a } without its {");
      pattern += single(character, depth);
      at += character.length;
    }
  }
  if (depth !== 0) throw new Error("has a { without its }");
  return `(?s)${pattern}`;
}

function single(character: string, depth: number): string {
  switch (character) {
    case "*":
      return "[^/]*";
    case "?":
      return "[^/]";
    case "{":
      return "(?:";
    case "}":
      return ")";
    case ",":
      return depth > 0 ? "|" : ",";
    default:
      return character.replace(/[\\^$.|+()[\]]/, "\\$&");
  }
}
