/** Values that JSON can hold; what a property may be (C-020). */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** name → [value, source], as Buildbot's API shows properties. */
export type Properties = Readonly<Record<string, readonly [value: JsonValue, source: string]>>;

/** As Python counts: null, false, 0, "", [] and {} are not true. */
export function isTruthy(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** How a value reads inside a text: null is nothing (C-024), what is no text reads as JSON. */
export function asText(value: JsonValue): string {
  if (value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
