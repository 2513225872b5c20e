/** The query language of Buildbot's API: projection, filters, order, paging (CORE §12). */
import { AppError } from "../domain/errors";
import { unstorable } from "../domain/text";
import type { Field } from "./fields";
import type { Resource } from "./resources";

export const OPERATORS = ["eq", "ne", "lt", "le", "gt", "ge", "contains"] as const;
export type Operator = (typeof OPERATORS)[number];

export interface Query {
  /** Null: all. */
  readonly fields: readonly string[] | null;
  readonly filters: readonly { field: string; operator: Operator; values: readonly string[] }[];
  readonly order: readonly { field: string; isDescending: boolean }[];
  readonly limit: number | null;
  readonly offset: number;
  /** Names of properties to show; `*` all. */
  readonly properties: readonly string[];
}

const BOUNDS = { parameters: 200, characters: 2_000 };

/** @throws AppError request.malformed naming what is wrong with the query */
export function parseQuery(search: URLSearchParams, resource: Resource): Query {
  const pairs = [...search];
  if (pairs.length > BOUNDS.parameters) malformed("too many query parameters");
  const all = (name: string) => search.getAll(name);
  for (const [name, value] of pairs) {
    if (name.length + value.length > BOUNDS.characters) malformed("a query parameter is too long");
    const problem = unstorable(name) ?? unstorable(value);
    if (problem) malformed(`a query parameter ${problem}`);
  }
  const known = (field: string) => {
    if (!Object.hasOwn(resource.fields, field)) malformed(`unknown field ${JSON.stringify(field)}`);
    return field;
  };
  const paging = new Set(["field", "order", "limit", "offset"]);
  if (resource.properties) paging.add("property");
  const filters = new Map<string, { field: string; operator: Operator; values: string[] }>();
  for (const [name, value] of pairs) {
    if (paging.has(name)) continue;
    const { field, operator } = splitFilter(name);
    if (!Object.hasOwn(resource.fields, field)) {
      malformed(`unrecognized query parameter ${JSON.stringify(name)}`);
    }
    const key = `${field} ${operator}`;
    const filter = filters.get(key) ?? { field, operator, values: [] };
    filter.values.push(value);
    filters.set(key, filter);
  }
  return {
    fields: all("field").length > 0 ? all("field").map(known) : null,
    filters: [...filters.values()],
    order: all("order").map((text) => ({
      field: known(text.replace(/^-/, "")),
      isDescending: text.startsWith("-"),
    })),
    limit: wholeNumber("limit", all("limit")),
    offset: wholeNumber("offset", all("offset")) ?? 0,
    properties: resource.properties ? all("property") : [],
  };
}

function splitFilter(name: string): { field: string; operator: Operator } {
  const cut = name.lastIndexOf("__");
  const operator = name.slice(cut + 2);
  return cut > 0 && (OPERATORS as readonly string[]).includes(operator)
    ? { field: name.slice(0, cut), operator: operator as Operator }
    : { field: name, operator: "eq" };
}

function wholeNumber(name: string, values: readonly string[]): number | null {
  const value = values.at(-1);
  if (value === undefined) return null;
  if (!/^\d{1,9}$/.test(value)) malformed(`${name} must be a whole number`);
  return Number(value);
}

/** One filter as a condition. `bind` adds a value and gives its placeholder. */
export function condition(
  field: Field,
  operator: Operator,
  texts: readonly string[],
  bind: (value: unknown, type: string) => string,
): string {
  if (field.type === "json") malformed("this field cannot be filtered");
  if (field.type === "texts" || operator === "contains") {
    return contains(field, operator, texts, bind);
  }
  const type = field.type === "int" ? "bigint" : field.type === "bool" ? "boolean" : "text";
  const values = texts.map((text) => convert(field, text));
  // Numbers outside of what the column holds are no error: nothing equals them.
  const list = bind(values, `${type}[]`);
  const any = (comparison: string) => `(${field.sql}) ${comparison} any(${list})`;
  switch (operator) {
    case "eq":
      return any("=");
    case "ne":
      return `(${field.sql} is null or (${field.sql}) <> all(${list}))`;
    case "lt":
      return any("<");
    case "le":
      return any("<=");
    case "gt":
      return any(">");
    case "ge":
      return any(">=");
  }
}

function contains(
  field: Field,
  operator: Operator,
  texts: readonly string[],
  bind: (value: unknown, type: string) => string,
): string {
  if (field.type === "texts") {
    if (operator !== "contains" && operator !== "eq") malformed(`${operator} is not for lists`);
    return `(${field.sql}) && ${bind(texts, "text[]")}`;
  }
  if (field.type !== "text") malformed("contains is for texts and lists");
  return `(${texts.map((text) => `position(${bind(text, "text")} in ${field.sql}) > 0`).join(" or ")})`;
}

const BOOLEANS: Readonly<Record<string, boolean>> = {
  ...{ on: true, true: true, yes: true, "1": true },
  ...{ off: false, false: false, no: false, "0": false },
};

function convert(field: Field, text: string): string | number | boolean {
  if (field.type === "int") {
    if (!/^-?\d{1,15}$/.test(text)) malformed(`${JSON.stringify(text)} is not a whole number`);
    return Number(text);
  }
  if (field.type === "bool") {
    const value = BOOLEANS[text.toLowerCase()];
    if (value === undefined) malformed(`${JSON.stringify(text)} is neither true nor false`);
    return value;
  }
  return text;
}

function malformed(problem: string): never {
  throw new AppError("request.malformed", { problem });
}
