/**
 * The language of templates: `%(selector:key[:substitution])s`, with `%%` for a literal `%`
 * (CORE §4). Parsing finds every mistake, each with its place, and never throws.
 */
import { SECRET_NAME } from "../secrets";

/** A text is a template when this is in it; any other text is what it is. */
export const isTemplate = (text: string): boolean => text.includes("%(");

export type Part = string | Reference | Positional;

export interface Reference {
  readonly selector: Selector;
  /** `""` for all selectors but `src`. */
  readonly codebase: string;
  readonly key: string;
  readonly substitution: Substitution;
}

export interface Positional {
  readonly conversion: "s" | "d";
}

export type Selector = "prop" | "src" | "kw" | "secret" | "worker";

/**
 * What stands there when the key exists (or its value is truthy: `by`), and when not. Null: the
 * value itself.
 */
export interface Substitution {
  readonly by: "existence" | "truth";
  readonly present: readonly Part[] | null;
  readonly absent: readonly Part[];
  /** Nothing was said of what should be when there is no such key. */
  readonly isPlain: boolean;
}

export interface TemplateProblem {
  /** Index of the character where it is. */
  readonly at: number;
  readonly reason: string;
}

export interface Template {
  readonly parts: readonly Part[];
  readonly problems: readonly TemplateProblem[];
}

const SELECTORS: readonly string[] = ["prop", "src", "kw", "secret", "worker"];
const ATTRIBUTES = ["branch", "revision", "repository", "project", "codebase", "changes"];
const NAME = /^[\w.-]*$/;
const MAX_DEPTH = 20;
const MAX_CHARACTERS = 262_144;

export function parseTemplate(text: string): Template {
  return new Parser(text, "named").template();
}

/** `%s` and `%d` (C-026); only where arguments are given with it. */
export function parsePositional(text: string): Template {
  return new Parser(text, "positional").template();
}

class Parser {
  readonly #problems: TemplateProblem[] = [];

  constructor(
    readonly text: string,
    readonly form: "named" | "positional",
  ) {}

  template(): Template {
    if (this.text.length > MAX_CHARACTERS) {
      this.#problem(0, `it is longer than ${MAX_CHARACTERS} characters`);
      return { parts: [], problems: this.#problems };
    }
    return { parts: this.#parts(0, this.text.length, 0), problems: this.#problems };
  }

  #parts(from: number, to: number, depth: number): Part[] {
    const parts: Part[] = [];
    let at = from;
    while (at < to) {
      const percent = this.text.indexOf("%", at);
      if (percent < 0 || percent >= to) break;
      if (percent > at) parts.push(this.text.slice(at, percent));
      const next = percent + 1 < to ? this.text[percent + 1] : undefined;
      if (next === "(") {
        const end = this.#reference(percent, to, depth, parts);
        if (end === null) return parts;
        at = end;
      } else {
        if (next === "%") parts.push("%");
        else if (this.form === "positional" && (next === "s" || next === "d")) {
          parts.push({ conversion: next });
        } else {
          this.#problem(percent, `a "%" that is meant as such is written "%%"`);
        }
        at = percent + 2;
      }
    }
    if (at < to) parts.push(this.text.slice(at, to));
    return parts;
  }

  /** @returns where the text goes on; null when its end cannot be known */
  #reference(percent: number, to: number, depth: number, parts: Part[]): number | null {
    const close = this.#closing(percent + 2, to);
    if (close === null) {
      this.#problem(percent, `its "(" is never closed`);
      return null;
    }
    if (this.form === "positional") {
      this.#problem(percent, "named and positional references do not mix");
    } else if (depth >= MAX_DEPTH) {
      this.#problem(percent, `it is nested deeper than ${MAX_DEPTH} levels`);
    } else {
      const reference = this.#inside(percent + 2, close, depth);
      if (reference) parts.push(reference);
    }
    if (this.text[close + 1] === "s" && close + 1 < to) return close + 2;
    this.#problem(close, `an "s" must follow the ")"`);
    return close + 1;
  }

  #closing(from: number, to: number): number | null {
    let open = 1;
    for (let at = from; at < to; at += 1) {
      if (this.text[at] === "(") open += 1;
      else if (this.text[at] === ")") open -= 1;
      if (open === 0) return at;
    }
    return null;
  }

  /** `selector:key:substitution`, between the brackets. */
  #inside(from: number, to: number, depth: number): Reference | null {
    const [selector, keyAt] = this.#upToColon(from, to);
    if (keyAt === null && !SELECTORS.includes(selector)) {
      return this.#problem(
        from,
        `a selector is missing: %(prop:${NAME.test(selector) && selector ? selector : "name"})s? A "%" that is meant as such is written "%%"`,
      );
    }
    if (!SELECTORS.includes(selector)) {
      const shown = JSON.stringify(selector.slice(0, 40));
      return this.#problem(from, `unknown selector ${shown}: there is ${SELECTORS.join(", ")}`);
    }
    if (keyAt === null) return this.#problem(from, `a name is missing behind "${selector}:"`);
    if (selector === "src") return this.#source(keyAt, to, depth);
    const [key, restAt] = this.#upToColon(keyAt, to);
    if (!this.#isName(selector as Selector, key, keyAt)) return null;
    return {
      selector: selector as Selector,
      codebase: "",
      key,
      substitution: this.#substitution(restAt, to, depth),
    };
  }

  #source(from: number, to: number, depth: number): Reference | null {
    const [codebase, attributeAt] = this.#upToColon(from, to);
    if (attributeAt === null) {
      return this.#problem(
        from,
        `"src" needs codebase and attribute: %(src:codebase:branch)s, or %(src::branch)s when there is one nameless codebase`,
      );
    }
    if (!NAME.test(codebase)) return this.#badName(codebase, from);
    const [key, restAt] = this.#upToColon(attributeAt, to);
    if (!ATTRIBUTES.includes(key)) {
      const shown = JSON.stringify(key.slice(0, 40));
      return this.#problem(
        attributeAt,
        `unknown attribute ${shown} of a source stamp: there is ${ATTRIBUTES.join(", ")}`,
      );
    }
    return { selector: "src", codebase, key, substitution: this.#substitution(restAt, to, depth) };
  }

  #isName(selector: Selector, key: string, at: number): boolean {
    if (key === "") {
      this.#problem(at, `a name is missing behind "${selector}:"`);
      return false;
    }
    if ((selector === "secret" ? SECRET_NAME : NAME).test(key)) return true;
    this.#badName(key, at);
    return false;
  }

  #substitution(from: number | null, to: number, depth: number): Substitution {
    const plain = { by: "existence", present: null, absent: [], isPlain: true } as const;
    if (from === null) return plain;
    const sign = from < to ? this.text[from] : "";
    const rest = () => this.#parts(from + 1, to, depth + 1);
    switch (sign) {
      case "-":
        return { by: "existence", present: null, absent: rest(), isPlain: false };
      case "~":
        return { by: "truth", present: null, absent: rest(), isPlain: false };
      case "+":
        return { by: "existence", present: rest(), absent: [], isPlain: false };
      case "?":
        return this.#choice("existence", from + 1, to, depth) ?? plain;
      case "#":
        if (this.text[from + 1] === "?" && from + 1 < to) {
          return this.#choice("truth", from + 2, to, depth) ?? plain;
        }
    }
    this.#problem(from, `unknown substitution: it begins with one of - ~ + ? #?`);
    return plain;
  }

  /** `|this|that`, the first character being the delimiter. */
  #choice(by: Substitution["by"], from: number, to: number, depth: number): Substitution | null {
    const delimiter = from < to ? (this.text[from] as string) : "";
    if (delimiter === "" || "()%".includes(delimiter)) {
      return this.#problem(from, `a delimiter other than ( ) % is missing, as in ?|this|that`);
    }
    const middle = this.#delimiter(delimiter, from + 1, to);
    if (middle === null) {
      return this.#problem(
        from,
        `the delimiter ${JSON.stringify(delimiter)} must stand between two texts, as in ?|this|that`,
      );
    }
    return {
      by,
      present: this.#parts(from + 1, middle, depth + 1),
      absent: this.#parts(middle + 1, to, depth + 1),
      isPlain: false,
    };
  }

  /** The first that is not inside brackets. */
  #delimiter(delimiter: string, from: number, to: number): number | null {
    let open = 0;
    for (let at = from; at < to; at += 1) {
      const character = this.text[at];
      if (open === 0 && character === delimiter) return at;
      if (character === "(") open += 1;
      else if (character === ")") open -= 1;
    }
    return null;
  }

  /** @returns the text up to a colon, and where what follows that begins, if there was one */
  #upToColon(from: number, to: number): [string, number | null] {
    const colon = this.text.indexOf(":", from);
    if (colon < 0 || colon >= to) return [this.text.slice(from, to), null];
    return [this.text.slice(from, colon), colon + 1];
  }

  #badName(name: string, at: number): null {
    const shown = JSON.stringify(name.slice(0, 40));
    return this.#problem(at, `${shown} is not a name: letters, digits and _ . - make one`);
  }

  #problem(at: number, reason: string): null {
    this.#problems.push({ at, reason });
    return null;
  }
}
