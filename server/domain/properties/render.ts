/** Rendering: from what stands in a document to values, over what is known when something runs. */
import { type Renderable, renderableSchema } from "./renderable";
import {
  isTemplate,
  type Part,
  parsePositional,
  parseTemplate,
  type Reference,
  type Template,
} from "./template";
import { asText, isTruthy, type JsonValue, type Properties } from "./value";

export interface ScopeStamp {
  readonly codebase: string;
  readonly repository: string;
  readonly branch: string | null;
  readonly revision: string | null;
  readonly project: string;
  readonly changes?: readonly JsonValue[];
}

/** What can be referred to. What is left out has no keys. */
export interface Scope {
  readonly properties: Properties;
  readonly sourceStamps?: readonly ScopeStamp[];
  /** What a worker says of itself. */
  readonly worker?: Readonly<Record<string, JsonValue>>;
  readonly secrets?: ReadonlyMap<string, string>;
  readonly kw?: Readonly<Record<string, JsonValue>>;
  readonly urlForBuild?: string;
}

/** A document asks for what is not there. The message is for a person. */
export class RenderError extends Error {
  override readonly name = "RenderError";
}

/** Texts and values of one rendering together: a short document must not make a huge value. */
const MAX_CHARACTERS = 4_194_304;

/** @throws RenderError */
export function renderTree(value: JsonValue, scope: Scope): JsonValue {
  return new Rendering(scope).tree(value);
}

/** A text of a document; a template or not. @throws RenderError */
export function renderText(text: string, scope: Scope): string {
  return asText(renderTree(text, scope));
}

/** Null: there is no such key. */
type Found = { readonly value: JsonValue } | null;

class Rendering {
  #left = MAX_CHARACTERS;

  constructor(readonly scope: Scope) {}

  tree(value: JsonValue, kw = this.scope.kw): JsonValue {
    if (typeof value === "string") {
      return isTemplate(value) ? this.#template(parseTemplate(value), kw) : value;
    }
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => this.tree(item, kw));
    const schema = renderableSchema(value);
    if (schema) {
      const parsed = schema.safeParse(value);
      if (!parsed.success) throw new RenderError(parsed.error.issues[0]?.message ?? "is not valid");
      return this.#renderable(parsed.data, kw);
    }
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, this.tree(item, kw)]),
    );
  }

  #renderable(value: Renderable, kw: Scope["kw"]): JsonValue {
    switch (value.type) {
      case "Interpolate":
        return this.#interpolate(value, kw);
      case "Property": {
        const found = at(this.scope.properties, value.key, ([property]) => property);
        const counts = found !== null && (!value.defaultWhenFalse || isTruthy(found.value));
        if (counts) return this.#spent(found.value);
        // Without a default, a false value is at least of its own type.
        return value.default === undefined ? (found?.value ?? null) : this.tree(value.default, kw);
      }
      case "Secret":
        return this.#spent(this.#secret(value.name));
      case "URLForBuild":
        if (this.scope.urlForBuild === undefined) throw new RenderError("there is no build yet");
        return this.scope.urlForBuild;
      case "FlattenList":
        return flatten(this.tree(value.nestedlist, kw));
    }
  }

  #interpolate(
    { fmtstring, kwargs, args }: Extract<Renderable, { type: "Interpolate" }>,
    kw: Scope["kw"],
  ): string {
    if (args) {
      const values = args.map((arg) => this.tree(arg, kw));
      return this.#template(parsePositional(fmtstring), kw, values);
    }
    const given = Object.entries(kwargs ?? {}).map(([key, arg]) => [key, this.tree(arg, kw)]);
    return this.#template(parseTemplate(fmtstring), { ...kw, ...Object.fromEntries(given) });
  }

  #template(template: Template, kw: Scope["kw"], args: readonly JsonValue[] = []): string {
    const [problem] = template.problems;
    if (problem) throw new RenderError(`at character ${problem.at + 1}: ${problem.reason}`);
    const left = [...args];
    const text = this.#parts(template.parts, kw, left);
    if (left.length > 0) throw new RenderError("there are more arguments than %s and %d");
    return text;
  }

  #parts(parts: readonly Part[], kw: Scope["kw"], args: JsonValue[]): string {
    return parts
      .map((part) => {
        if (typeof part === "string") return this.#spent(part);
        if ("conversion" in part) return this.#spent(positional(part.conversion, args));
        return this.#reference(part, kw);
      })
      .join("");
  }

  #reference(reference: Reference, kw: Scope["kw"]): string {
    const { by, present, absent, isPlain } = reference.substitution;
    const found = this.#find(reference, kw);
    if (found === null && isPlain && reference.selector === "secret") {
      this.#secret(reference.key);
    }
    const isThere = found !== null && (by === "existence" || isTruthy(found.value));
    if (!isThere) return this.#parts(absent, kw, []);
    return present ? this.#parts(present, kw, []) : this.#spent(asText(found.value));
  }

  #find({ selector, key, codebase }: Reference, kw: Scope["kw"]): Found {
    switch (selector) {
      case "prop":
        return at(this.scope.properties, key, ([value]) => value);
      case "kw":
        return at(kw, key, (value) => value);
      case "worker":
        return at(this.scope.worker, key, (value) => value);
      case "secret": {
        const value = this.scope.secrets?.get(key);
        return value === undefined ? null : { value };
      }
      case "src": {
        const stamp = this.scope.sourceStamps?.find((one) => one.codebase === codebase);
        if (!stamp) return null;
        return { value: { changes: [], ...stamp }[key as keyof ScopeStamp] ?? null };
      }
    }
  }

  #secret(name: string): string {
    const value = this.scope.secrets?.get(name);
    if (value === undefined) throw new RenderError(`there is no secret ${JSON.stringify(name)}`);
    return value;
  }

  /** Counts what was made. */
  #spent<V extends JsonValue>(value: V): V {
    this.#left -= typeof value === "string" ? value.length : JSON.stringify(value).length;
    if (this.#left < 0) {
      throw new RenderError(`what it renders to is longer than ${MAX_CHARACTERS} characters`);
    }
    return value;
  }
}

function at<V>(
  record: Readonly<Record<string, V>> | undefined,
  key: string,
  pick: (entry: V) => JsonValue,
): Found {
  return record && Object.hasOwn(record, key) ? { value: pick(record[key] as V) } : null;
}

function positional(conversion: "s" | "d", args: JsonValue[]): string {
  const value = args.shift();
  if (value === undefined) throw new RenderError("there are fewer arguments than %s and %d");
  if (conversion === "s") return asText(value);
  if (typeof value !== "number") throw new RenderError("%d needs a number");
  return String(Math.trunc(value));
}

function flatten(value: JsonValue): JsonValue {
  return Array.isArray(value) ? value.flatMap((item) => flatten(item)) : value;
}
