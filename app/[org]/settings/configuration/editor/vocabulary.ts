/** What may stand at a place, from the documents' schema and the names of what there is. Pure. */
import { alternatives, type JsonSchema, schemasAt } from "../../../../../server/domain/json-schema";
import { type Place, placeAt } from "./place";

export interface Names {
  readonly workers: readonly string[];
  readonly builders: readonly string[];
  readonly secrets: readonly string[];
}

export interface Vocabulary {
  readonly schema: JsonSchema;
  readonly names: Names;
}

export interface Suggestion {
  readonly label: string;
  readonly detail: string;
  readonly info: string;
  /** What is written. */
  readonly text: string;
  readonly kind: "property" | "enum" | "constant";
}

export interface Suggested {
  readonly from: number;
  readonly suggestions: readonly Suggestion[];
}

export function suggest(
  { schema, names }: Vocabulary,
  text: string,
  position: number,
): Suggested | null {
  const place = placeAt(text, position);
  if (!place) return null;
  const inside = schemasOf(schema, place);
  const typed = text.slice(place.from, position);
  const suggestions =
    place.key === null
      ? [...keys(inside, place), ...values(schema, inside, names, place.path.at(-2), typed)]
      : values(schema, under(schema, inside, place.key), names, place.key, typed);
  const unique = new Map(suggestions.map((one) => [one.label, one]));
  return unique.size === 0 ? null : { from: place.from, suggestions: [...unique.values()] };
}

/** Of the option under the position. */
export function explain(
  { schema }: Vocabulary,
  text: string,
  position: number,
): { readonly title: string; readonly about: string } | null {
  const lineStart = text.lastIndexOf("\n", position - 1) + 1;
  const isWord = /[\w.-]/;
  let from = position;
  while (from > lineStart && isWord.test(text[from - 1] ?? "")) from -= 1;
  let to = position;
  while (isWord.test(text[to] ?? "")) to += 1;
  if (from === to || !/^["']?\s*:(\s|$)/.test(text.slice(to, to + 3))) return null;
  const place = placeAt(text, from);
  const name = text.slice(from, to);
  if (!place || place.key !== null) return null;
  const [found] = schemasOf(schema, place).flatMap((one) => one.properties?.[name] ?? []);
  if (!found) return null;
  return { title: `${name}: ${typeName(schema, found)}`, about: found.description ?? "" };
}

/** Of kinds, the one that stands there already, or all. */
function schemasOf(root: JsonSchema, { path, siblings }: Place): readonly JsonSchema[] {
  const type = siblings.get("type");
  return schemasAt(root, path).filter((schema) => {
    const kind = schema.properties?.type?.const;
    return kind === undefined || type === undefined || kind === type;
  });
}

function under(root: JsonSchema, schemas: readonly JsonSchema[], key: string): JsonSchema[] {
  return schemas.flatMap(({ properties, additionalProperties: other }) =>
    alternatives(
      root,
      properties?.[key] ?? (typeof other === "object" ? other : undefined),
      undefined,
    ),
  );
}

function keys(schemas: readonly JsonSchema[], { siblings }: Place): Suggestion[] {
  return schemas.flatMap((schema) =>
    Object.entries(schema.properties ?? {})
      .filter(([name]) => !siblings.has(name))
      .map(([name, option]) => ({
        label: name,
        detail: schema.required?.includes(name) ? "needed" : typeName(schema, option),
        info: option.description ?? "",
        text: `${name}: `,
        kind: "property" as const,
      })),
  );
}

const NAMED: Readonly<Record<string, keyof Names>> = {
  workername: "workers",
  workernames: "workers",
  builderNames: "builders",
};

function values(
  root: JsonSchema,
  schemas: readonly JsonSchema[],
  names: Names,
  key: unknown,
  typed: string,
): Suggestion[] {
  const written = schemas.flatMap((schema) => [
    ...(schema.const === undefined ? [] : [schema.const]),
    ...(schema.enum ?? []),
    ...(schema.type === "boolean" ? [true, false] : []),
    ...(key === "type" ? kindsOf(root, schemas) : []),
  ]);
  const kind = typeof key === "string" ? NAMED[key] : undefined;
  const isSecret = schemas.some(({ secret }) => secret) || typed.includes("%(");
  return [
    ...written.map((value) => constant(String(value), "")),
    ...(kind ? names[kind].map((name) => constant(name, kind.slice(0, -1))) : []),
    ...(isSecret
      ? names.secrets.map((name) => ({
          ...constant(`%(secret:${name})s`, "secret"),
          text: `"%(secret:${name})s"`,
        }))
      : []),
  ];
}

const kindsOf = (root: JsonSchema, schemas: readonly JsonSchema[]): unknown[] =>
  schemas.flatMap((schema) =>
    alternatives(root, schema, undefined).flatMap(({ const: kind }) => kind ?? []),
  );

const constant = (label: string, detail: string): Suggestion => ({
  label,
  detail,
  info: "",
  text: label,
  kind: detail === "" ? "constant" : "enum",
});

const TYPES: Readonly<Record<string, string>> = {
  string: "text",
  array: "list",
  object: "map",
  integer: "whole number",
  boolean: "true or false",
};

function typeName(root: JsonSchema, schema: JsonSchema): string {
  const names = alternatives(root, schema, undefined).flatMap((one) =>
    one.const !== undefined ? [String(one.const)] : (one.type ?? []),
  );
  return (
    [...new Set(names.map((name) => TYPES[name] ?? name))].slice(0, 4).join(" or ") || "any value"
  );
}
