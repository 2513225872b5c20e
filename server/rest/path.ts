/**
 * A path below `/api/v2` as SQL: collections and selectors in turn, each object narrowed to its
 * parent, so `builders/7/builds/3/steps/test` finds that step and `builders/8/builds` is empty for
 * nobody: the parent is looked for when nothing is found below it.
 */
import { isResourceName, type ResourceName, resource, type Selector } from "./resources";

/** What a path asks for. SQL texts refer to `$1` (the organisation) and to `values`. */
export interface Target {
  readonly resource: ResourceName;
  /** Conditions on the row `t`. */
  readonly where: string;
  /** SQL that gives the id of the object or, for a list, of what the list is under. */
  readonly parent: string | null;
  readonly isSingle: boolean;
  /** What is asked of the object itself: `properties`, `contents`, … */
  readonly leaf: Leaf | null;
  readonly values: readonly unknown[];
}

export type Leaf = "properties" | "contents" | "raw" | "raw_inline";

const LEAVES: Readonly<Record<Leaf, readonly ResourceName[]>> = {
  properties: ["builds", "buildsets"],
  contents: ["logs"],
  raw: ["logs"],
  raw_inline: ["logs"],
};

const MAX_SEGMENTS = 12;

interface Below {
  readonly name: ResourceName;
  /** Gives the id of the object. */
  readonly sql: string;
}

/** Null: there is no such path. */
export function parsePath(segments: readonly string[], orgId: number): Target | null {
  if (segments.length === 0 || segments.length > MAX_SEGMENTS) return null;
  const values: unknown[] = [orgId];
  let parent: Below | null = null;

  for (let at = 0; ; at += 2) {
    const name = segments[at] as string;
    const below: Below | null = parent;
    const leaf = below && asLeaf(name, below.name);
    if (below && leaf && at === segments.length - 1) {
      return object(below.name, `t.id = ${below.sql}`, values, leaf);
    }
    if (!isResourceName(name)) return null;
    const { table, isShared, isListed, root, under } = resource(name);
    const link = below && under[below.name];
    if (below ? !link : false) return null;
    // What is shared names $1 too: PostgreSQL wants to know the type of every value.
    const own = isShared ? "$1::bigint is not null" : "t.org_id = $1";
    const linked: string =
      below && link ? `${own} and ${link.sql.replace("$parent", () => below.sql)}` : own;

    const selector = segments[at + 1];
    if (selector === undefined) {
      if (!below && !isListed) return null;
      const parentSql = below?.sql ?? null;
      return {
        resource: name,
        where: linked,
        parent: parentSql,
        isSingle: false,
        leaf: null,
        values,
      };
    }
    const chosen = select(link?.by ?? root, selector, values);
    if (chosen === null) return null;
    const where: string = `${linked} and ${chosen}`;
    if (at + 2 === segments.length) return object(name, where, values, null);
    parent = { name, sql: `(select t.id from ${table} t where ${where})` };
  }
}

function object(
  name: ResourceName,
  where: string,
  values: readonly unknown[],
  leaf: Leaf | null,
): Target {
  return { resource: name, where, parent: null, isSingle: true, leaf, values };
}

function asLeaf(name: string, of: ResourceName): Leaf | null {
  if (!Object.hasOwn(LEAVES, name)) return null;
  return LEAVES[name as Leaf].includes(of) ? (name as Leaf) : null;
}

const WHOLE_NUMBER = /^\d{1,15}$/;

function select(by: Selector, text: string, values: unknown[]): string | null {
  const isNumber = WHOLE_NUMBER.test(text);
  const bind = (value: unknown, type: string) => `$${values.push(value)}::${type}`;
  switch (by) {
    case "id":
      return isNumber ? `t.id = ${bind(text, "bigint")}` : null;
    case "id-or-name":
      return isNumber ? `t.id = ${bind(text, "bigint")}` : `t.name = ${bind(text, "text")}`;
    case "number":
      return isNumber ? `t.number = ${bind(text, "bigint")}` : null;
    case "number-or-name":
      return isNumber ? `t.number = ${bind(text, "bigint")}` : `t.name = ${bind(text, "text")}`;
    case "slug":
      return `t.slug = ${bind(text, "text")}`;
  }
}
