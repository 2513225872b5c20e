/**
 * The fields of a form, made of a JSON Schema alone: whatever a driver's options are, its form comes
 * of itself. What no control can hold is written as YAML. Pure.
 */
import type { JsonSchema } from "../../../server/domain/json-schema";

export type Control =
  | { readonly kind: "text"; readonly isLong: boolean; readonly isSecret: boolean }
  | {
      readonly kind: "number";
      readonly isWhole: boolean;
      readonly min: number | null;
      readonly max: number | null;
    }
  | { readonly kind: "yes-no" }
  | { readonly kind: "choice"; readonly choices: readonly string[] }
  /** Of texts. */
  | { readonly kind: "list" }
  /** Of names to texts. */
  | { readonly kind: "map" }
  | { readonly kind: "group"; readonly fields: readonly OptionField[] }
  | { readonly kind: "yaml" };

const YAML: Control = { kind: "yaml" };

export interface OptionField {
  /** As the document spells it. */
  readonly name: string;
  readonly title: string | null;
  readonly description: string | null;
  readonly unit: string | null;
  readonly isRequired: boolean;
  /** What counts when it is left out, in words; null: not known. */
  readonly fallback: string | null;
  readonly example: string | null;
  /** Ways to write it, the plainest first. YAML, the last one, holds anything. */
  readonly controls: readonly [Control, ...Control[]];
}

/** Groups in groups in groups are nobody's form. */
const DEEPEST = 2;

/** @param root where `$ref`s of the schema lead */
export function fieldsOf(root: JsonSchema, schema: JsonSchema, depth = 0): OptionField[] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, inner]) =>
    fieldOf(root, name, inner, required.has(name), depth),
  );
}

function fieldOf(
  root: JsonSchema,
  name: string,
  schema: JsonSchema,
  isRequired: boolean,
  depth: number,
): OptionField {
  const all = branchesOf(root, schema, 0);
  const said = <K extends keyof JsonSchema>(key: K): JsonSchema[K] | undefined =>
    all.find((one) => one[key] !== undefined)?.[key];
  const fallback = said("default");
  const example = said("examples")?.[0];
  const isSecret = said("secret") === true;
  const isLong = said("multiline") === true;
  const controls = isAnything(all)
    ? []
    : distinct([
        ...constants(all),
        ...all.flatMap((one) => controlOf(root, one, { isSecret, isLong }, depth)),
      ]);
  return {
    name,
    title: said("title") ?? null,
    description: said("description") ?? null,
    unit: said("unit") ?? null,
    isRequired: isRequired && fallback === undefined,
    fallback: fallback === undefined || fallback === null ? null : inWords(fallback),
    example: example === undefined ? null : inWords(example),
    controls: [...controls, YAML] as readonly Control[] as OptionField["controls"],
  };
}

/** The schema and all it may be, outermost first: what stands further out was said of this option. */
function branchesOf(root: JsonSchema, schema: JsonSchema, depth: number): JsonSchema[] {
  if (depth > 5) return [];
  if (schema.$ref) {
    const target = root.$defs?.[schema.$ref.replace("#/$defs/", "")];
    return target ? branchesOf(root, target, depth + 1) : [];
  }
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  return [...eachType(schema), ...inner.flatMap((one) => branchesOf(root, one, depth + 1))];
}

/** `type` may be a list, of which one is mostly "null". */
function eachType(schema: JsonSchema): JsonSchema[] {
  const types: unknown = schema.type;
  return Array.isArray(types) ? types.map((type: string) => ({ ...schema, type })) : [schema];
}

/** Whatever JSON can say: no plain control does it justice. */
const isAnything = (all: readonly JsonSchema[]): boolean =>
  ["string", "number", "boolean", "array", "object"].every((type) =>
    all.some((one) => one.type === type),
  );

/** Words to choose from, of whichever branch. */
function constants(all: readonly JsonSchema[]): Control[] {
  const words = all.flatMap(({ enum: values, const: value, type }) =>
    [...(values ?? []), ...(value === undefined ? [] : [value])].filter(
      (one) => type !== "boolean" && typeof one === "string",
    ),
  );
  return words.length === 0
    ? []
    : [{ kind: "choice", choices: [...new Set(words.map((one) => String(one)))] }];
}

function controlOf(
  root: JsonSchema,
  schema: JsonSchema,
  { isSecret, isLong }: { readonly isSecret: boolean; readonly isLong: boolean },
  depth: number,
): Control[] {
  if (schema.enum || schema.const !== undefined) return [];
  switch (schema.type) {
    case "string":
      return [{ kind: "text", isSecret, isLong }];
    case "boolean":
      return [{ kind: "yes-no" }];
    case "integer":
    case "number": {
      const { minimum, exclusiveMinimum, maximum } = schema;
      const bounded = (limit: number | undefined) =>
        limit === undefined || Math.abs(limit) >= Number.MAX_SAFE_INTEGER ? null : limit;
      return [
        {
          kind: "number",
          isWhole: schema.type === "integer",
          min: bounded(minimum ?? exclusiveMinimum),
          max: bounded(maximum),
        },
      ];
    }
    case "array":
      return isText(root, schema.items) ? [{ kind: "list" }] : [];
    case "object": {
      const { properties, additionalProperties: other } = schema;
      if (properties && "type" in properties && properties.type?.const !== undefined) return [];
      if (properties && Object.keys(properties).length > 0) {
        return depth < DEEPEST
          ? [{ kind: "group", fields: fieldsOf(root, schema, depth + 1) }]
          : [];
      }
      return typeof other === "object" && isText(root, other) ? [{ kind: "map" }] : [];
    }
    default:
      return [];
  }
}

function isText(root: JsonSchema, schema: JsonSchema | undefined): boolean {
  const all = schema === undefined ? [] : branchesOf(root, schema, 0);
  return !isAnything(all) && all.some(({ type }) => type === "string");
}

function distinct(controls: readonly Control[]): Control[] {
  const kinds = new Set<string>();
  return controls.filter(({ kind }) => !kinds.has(kind) && kinds.add(kind));
}

export function inWords(value: unknown): string {
  if (typeof value === "string") return value === "" ? "empty" : value;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value) && value.length === 0) return "none";
  return JSON.stringify(value);
}
