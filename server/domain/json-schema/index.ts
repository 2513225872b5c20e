/** JSON Schemas as documents are described by: looked into, not checked with. */

/** What is used of a JSON Schema. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  /** What a number counts. */
  readonly unit?: string;
  readonly secret?: boolean;
  /** A text of several lines. */
  readonly multiline?: boolean;
  readonly examples?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
}

/** The schemas that may describe this value: of kinds, the one that `type` names, or all. */
export function alternatives(
  root: JsonSchema,
  schema: JsonSchema | undefined,
  value: unknown,
): JsonSchema[] {
  if (!schema) return [];
  if (schema.$ref) {
    const name = schema.$ref.replace("#/$defs/", "");
    return alternatives(root, root.$defs?.[name], value);
  }
  const branches = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  const type = (value as { type?: unknown } | null | undefined)?.type;
  const chosen = branches.filter((branch) => {
    const kind = branch.properties?.type?.const;
    return kind === undefined || type === undefined || kind === type;
  });
  return [schema, ...chosen.flatMap((branch) => alternatives(root, branch, value))];
}

/** The schemas of what stands at a path; kinds on the way are not told apart. */
export function schemasAt(
  root: JsonSchema,
  path: readonly (string | number)[],
): readonly JsonSchema[] {
  return path.reduce<readonly JsonSchema[]>(
    (schemas, step) =>
      schemas.flatMap((schema) => {
        const { additionalProperties: other } = schema;
        const inner =
          typeof step === "number"
            ? (schema.prefixItems?.[step] ?? schema.items)
            : (schema.properties?.[step] ?? (typeof other === "object" ? other : undefined));
        return alternatives(root, inner, undefined);
      }),
    alternatives(root, root, undefined),
  );
}
