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
