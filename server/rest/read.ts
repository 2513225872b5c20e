/** Answers a GET from one statement, whose rows PostgreSQL already turns into JSON text. */
import { createHash } from "node:crypto";
import type { Queryable } from "../db/pool";
import { AppError } from "../domain/errors";
import type { Target } from "./path";
import { condition, parseQuery, type Query } from "./query";
import { type Resource, resource } from "./resources";

/** What a list holds when the caller names no limit, and what no limit may exceed. */
const DEFAULT_LIMIT = 1_000;
const MAX_LIMIT = 100_000;

/** The body of the answer: `{"<plural>": [...], "meta": {"total": n}}`. */
export async function readTarget(
  tx: Queryable,
  target: Target,
  search: URLSearchParams,
): Promise<string> {
  if (target.leaf === "properties") return readProperties(tx, target);
  const described = resource(target.resource);
  const query = parseQuery(search, described);
  const values = [...target.values];
  const bind = (value: unknown, type: string) => `$${values.push(value)}::${type}`;
  const where = [
    target.where,
    ...query.filters.map(({ field, operator, values: texts }) =>
      condition(fieldOf(described, field), operator, texts, bind),
    ),
  ].join(" and ");
  const limit = target.isSingle ? 1 : Math.min(query.limit ?? DEFAULT_LIMIT, MAX_LIMIT);
  const counted = [...values];
  const text = `select coalesce(json_agg(r), '[]')::text as items, count(*) as n from (
    select ${columns(described, query, bind)} from ${described.table} t where ${where}
    order by ${order(described, query)} limit ${bind(limit, "bigint")} offset ${bind(query.offset, "bigint")}) r`;
  const [row] = await tx.rows<{ items: string; n: number }>(prepared(text, search), values);
  const { items, n } = row ?? { items: "[]", n: 0 };
  if (n === 0 && target.isSingle) throw notFound(target);
  if (n === 0 && target.parent !== null) await assertParent(tx, target);
  const isPart = !target.isSingle && (n === limit || (n === 0 && query.offset > 0));
  const total = isPart ? await count(tx, described, where, counted) : query.offset + n;
  return `{"${target.resource}":${items},"meta":{"total":${total}}}`;
}

function fieldOf(described: Resource, name: string) {
  const field = described.fields[name];
  if (!field) throw new AppError("request.malformed", { problem: `unknown field ${name}` });
  return field;
}

function columns(
  described: Resource,
  query: Query,
  bind: (value: unknown, type: string) => string,
): string {
  return (query.fields ?? Object.keys(described.fields))
    .map((name) => {
      const isAsked = name === "properties" && query.properties.length > 0;
      const sql = isAsked ? chosen(described, query, bind) : fieldOf(described, name).sql;
      return `${sql} as "${name}"`;
    })
    .join(", ");
}

/** The properties asked for with `property=`; `*` is all of them. */
function chosen(
  described: Resource,
  query: Query,
  bind: (value: unknown, type: string) => string,
): string {
  if (query.properties.includes("*")) return described.properties ?? "'{}'::jsonb";
  return `(select coalesce(jsonb_object_agg(p.key, p.value), '{}')
    from jsonb_each(${described.properties}) p where p.key = any(${bind(query.properties, "text[]")}))`;
}

function order(described: Resource, query: Query): string {
  const asked = query.order.map(({ field, isDescending }) => {
    const { type, sql } = fieldOf(described, field);
    if (type === "json") {
      throw new AppError("request.malformed", { problem: `cannot order by ${field}` });
    }
    return `${sql} ${isDescending ? "desc nulls last" : "asc nulls first"}`;
  });
  return [...asked, described.order].join(", ");
}

/** Texts without a query are few and worth preparing; others come from callers, without number. */
function prepared(text: string, search: URLSearchParams): string | { name: string; text: string } {
  if (search.size > 0) return text;
  return { name: `rest-${createHash("sha1").update(text).digest("base64url")}`, text };
}

async function count(
  tx: Queryable,
  described: Resource,
  where: string,
  values: readonly unknown[],
): Promise<number> {
  const [row] = await tx.rows<{ n: number }>(
    `select count(*) as n from ${described.table} t where ${where}`,
    values,
  );
  return row?.n ?? 0;
}

async function assertParent(tx: Queryable, target: Target): Promise<void> {
  // Each value is named once, so that PostgreSQL knows the type of those that only filters use.
  const [row] = await tx.rows<{ id: number | null }>(
    `select ${target.parent} as id where $1::bigint is not null`,
    target.values,
  );
  if (row?.id == null) throw notFound(target);
}

async function readProperties(tx: Queryable, target: Target): Promise<string> {
  const { table } = resource(target.resource);
  const [row] = await tx.rows<{ properties: string }>(
    `select t.properties::text from ${table} t where ${target.where}`,
    target.values,
  );
  if (!row) throw notFound(target);
  return `{"properties":[${row.properties}],"meta":{"total":1}}`;
}

/** The id of the one object that a path names. */
export async function idOf<T extends number>(tx: Queryable, target: Target): Promise<T> {
  const { table } = resource(target.resource);
  const [row] = await tx.rows<{ id: T }>(
    `select t.id from ${table} t where ${target.where}`,
    target.values,
  );
  if (!row) throw notFound(target);
  return row.id;
}

function notFound(target: Target): AppError {
  return new AppError("request.not-found", { what: target.resource.replace(/s$/, "") });
}
