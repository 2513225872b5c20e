/**
 * Options whose values are hidden: where a document writes one literally, and how the secret is
 * called that takes its place (COMMON names: `worker/linux/password`). Pure.
 */
import { createHash } from "node:crypto";
import { alternatives, type JsonSchema } from "../domain/json-schema";
import { isSecretName } from "../domain/secrets";
import { list, record } from "./legible";
import type { Path } from "./source";

export interface Literal {
  readonly path: Path;
  readonly value: string;
}

/** Texts that stand, in clear, where the schema says that a value is hidden. */
export function literals(root: JsonSchema, document: unknown): Literal[] {
  const found: Literal[] = [];
  const visit = (schema: JsonSchema | undefined, value: unknown, path: Path): void => {
    for (const one of alternatives(root, schema, value)) {
      if (one.secret && typeof value === "string") {
        if (!value.includes("%(") && !found.some((other) => isSame(other.path, path))) {
          found.push({ path, value });
        }
      } else if (Array.isArray(value)) {
        value.forEach((item, index) => {
          visit(one.prefixItems?.[index] ?? one.items, item, [...path, index]);
        });
      } else {
        for (const [key, item] of Object.entries(record(value))) {
          const { additionalProperties: other } = one;
          const inner = one.properties?.[key] ?? (typeof other === "object" ? other : undefined);
          visit(inner, item, [...path, key]);
        }
      }
    }
  };
  visit(root, document, []);
  return found;
}

const isSame = (a: Path, b: Path) => a.length === b.length && a.every((step, i) => step === b[i]);

/** What makes a name of a path: names of things, else their kinds; never their numbers. */
export function secretNameOf(scope: readonly string[], document: unknown, path: Path): string {
  const parts = [...scope];
  let value: unknown = document;
  path.forEach((step) => {
    const parent = value;
    value = Array.isArray(parent) ? parent[Number(step)] : record(parent)[step];
    if (typeof step === "number") {
      if (typeof value === "object") parts.push(titleAmong(list(parent), step));
    } else if (!LISTS.has(step)) {
      parts.push(step);
    } else if (!Array.isArray(value)) {
      parts.push(title(value));
    }
  });
  return fitted(parts.map(plain).join("/"));
}

const LISTS = new Set([
  "workers",
  "pools",
  "builders",
  "factory",
  "schedulers",
  "change_source",
  "reporters",
]);

function title(value: unknown): string {
  const { name, type } = record(value);
  return typeof name === "string" ? name : String(type ?? "item").toLowerCase();
}

/** Siblings of one title are told apart by their order. */
function titleAmong(siblings: readonly unknown[], at: number): string {
  const own = title(siblings[at]);
  const before = siblings.slice(0, at).filter((other) => title(other) === own).length;
  return before === 0 ? own : `${own}-${before + 1}`;
}

function plain(part: string): string {
  const text = part.replaceAll(/[^A-Za-z0-9_.-]/g, "_").replace(/^\.+$/, "_");
  return text === part ? text : `${text}-${digest(part)}`;
}

function fitted(name: string): string {
  return isSecretName(name) ? name : `${name.slice(0, 180)}-${digest(name)}`;
}

const digest = (text: string): string =>
  createHash("sha256").update(text).digest("hex").slice(0, 8);
