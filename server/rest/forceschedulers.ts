/** Reading force schedulers, in Buildbot's shape: the fields of their forms, ready to be drawn. */
import { type FormBuilder, loadForms, type StoredForm } from "../api/force/forms";
import type { Queryable } from "../db/pool";
import { AppError } from "../domain/errors";
import { allFields } from "../domain/force";
import type { OrgId } from "../domain/ids";
import type { BuilderIds } from "./force";
import { parseQuery, type Query } from "./query";
import type { Resource } from "./resources";

/** What the query may name; the fields have no SQL of their own. */
const SHAPE: Resource = {
  table: "",
  fields: {
    name: { sql: "", type: "text" },
    label: { sql: "", type: "text" },
    button_name: { sql: "", type: "text" },
    builder_names: { sql: "", type: "json" },
    enabled: { sql: "", type: "bool" },
    all_fields: { sql: "", type: "json" },
  },
  order: "",
  isListed: true,
  root: "id-or-name",
  under: {},
};

export interface FormsPath {
  /** Id or name. */
  readonly builder: string | null;
  readonly name: string | null;
}

/** `forceschedulers`, `forceschedulers/{name}`, `builders/{id or name}/forceschedulers`. */
export function formsPath(path: readonly string[]): FormsPath | null {
  const [first, second, third] = path;
  if (first === "forceschedulers" && path.length <= 2)
    return { builder: null, name: second ?? null };
  const isOfBuilder = first === "builders" && third === "forceschedulers" && path.length === 3;
  return isOfBuilder ? { builder: second ?? null, name: null } : null;
}

/** The body of the answer, as text. */
export async function readForms(
  tx: Queryable,
  orgId: OrgId,
  builders: BuilderIds,
  { builder, name }: FormsPath,
  search: URLSearchParams,
): Promise<string> {
  const query = parseQuery(search, SHAPE);
  const builderId = builder === null ? null : (await builders.find(tx, orgId, builder)).id;
  const stored = await loadForms(tx, orgId, { name, builderId });
  if (name !== null && stored.length === 0) {
    throw new AppError("request.not-found", { what: "force scheduler" });
  }
  const all = stored.map((form) => shown(form, builderId)).filter((item) => passes(item, query));
  const from = query.offset;
  const to = query.limit === null ? undefined : from + query.limit;
  const forceschedulers = ordered(all, query)
    .slice(from, to)
    .map((item) =>
      query.fields ? Object.fromEntries(query.fields.map((field) => [field, item[field]])) : item,
    );
  return JSON.stringify({ forceschedulers, meta: { total: all.length } });
}

function shown(stored: StoredForm, builderId: number | null): Record<string, unknown> {
  const isAsked = ({ id }: FormBuilder) => builderId === null || id === builderId;
  const form = stored.formFor(stored.builders.filter(isAsked));
  return {
    name: form.name,
    label: form.label,
    button_name: form.buttonName,
    builder_names: form.builderNames,
    enabled: stored.isEnabled,
    all_fields: allFields(form),
  };
}

function passes(item: Record<string, unknown>, { filters }: Query): boolean {
  return filters.every(({ field, operator, values }) => {
    const value = String(item[field]);
    if (operator === "eq") return values.includes(value);
    if (operator === "ne") return !values.includes(value);
    if (operator === "contains") return values.some((part) => value.includes(part));
    throw new AppError("request.malformed", { problem: `${operator} is not for force schedulers` });
  });
}

function ordered(items: Record<string, unknown>[], { order }: Query): Record<string, unknown>[] {
  return [...items].sort((a, b) => {
    for (const { field, isDescending } of order) {
      const difference = String(a[field]).localeCompare(String(b[field]));
      if (difference !== 0) return isDescending ? -difference : difference;
    }
    return 0;
  });
}
