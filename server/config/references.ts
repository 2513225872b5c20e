/** How documents speak of secrets: `%(secret:NAME)s` in a text, or `{type: Secret, name: NAME}`. Pure. */
import { secretsIn } from "../domain/properties";
import { record } from "./legible";
import type { Path } from "./source";

export const referenceTo = (name: string): string => `%(secret:${name})s`;

/** A whole value that is one secret; null: it is something else. */
export function secretOf(value: unknown): string | null {
  if (typeof value === "string") {
    const [name] = secretsIn(value);
    return name !== undefined && value === referenceTo(name) ? name : null;
  }
  const { type, name } = record(value);
  return type === "Secret" && typeof name === "string" ? name : null;
}

export interface Reference {
  readonly path: Path;
  readonly name: string;
}

/** Every mention of a secret. */
export function references(root: unknown, base: Path = []): Reference[] {
  const found: Reference[] = [];
  const visit = (value: unknown, path: Path): void => {
    if (typeof value === "string") {
      found.push(...secretsIn(value).map((name) => ({ path, name })));
    } else if (Array.isArray(value)) {
      value.forEach((item, index) => {
        visit(item, [...path, index]);
      });
    } else {
      const whole = secretOf(value);
      if (whole !== null) found.push({ path, name: whole });
      else for (const [key, item] of Object.entries(record(value))) visit(item, [...path, key]);
    }
  };
  visit(root, base);
  return found;
}
