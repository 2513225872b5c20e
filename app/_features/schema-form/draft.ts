/** What a person has written into a form's fields, and the document that this makes. Pure. */
import type { Control, OptionField } from "./fields";

/** By the kind of its control. */
export type Draft =
  | { readonly kind: "text" | "number" | "yes-no" | "choice" | "yaml"; readonly text: string }
  | { readonly kind: "list"; readonly items: readonly string[] }
  | { readonly kind: "map"; readonly pairs: readonly (readonly [name: string, value: string])[] }
  | { readonly kind: "group"; readonly drafts: Drafts };

export type Drafts = Readonly<Record<string, Draft>>;

/** One option as it goes to the server, which alone reads YAML. */
export interface Written {
  readonly path: readonly string[];
  readonly value?: unknown;
  readonly yaml?: string;
}

type Options = Readonly<Record<string, unknown>>;

export function draftsOf(fields: readonly OptionField[], options: Options): Drafts {
  return Object.fromEntries(
    fields.map((field) => [field.name, draftOf(field, options[field.name])]),
  );
}

/** With the plainest control that can hold the value. */
export function draftOf(field: OptionField, value: unknown): Draft {
  const [first] = field.controls;
  if (value === undefined || value === null) return emptyDraft(first);
  for (const control of field.controls) {
    const draft = held(control, value);
    if (draft) return draft;
  }
  return { kind: "yaml", text: JSON.stringify(value, null, 2) };
}

export function emptyDraft(control: Control): Draft {
  switch (control.kind) {
    case "list":
      return { kind: "list", items: [] };
    case "map":
      return { kind: "map", pairs: [] };
    case "group":
      return { kind: "group", drafts: draftsOf(control.fields, {}) };
    default:
      return { kind: control.kind, text: "" };
  }
}

function held(control: Control, value: unknown): Draft | null {
  switch (control.kind) {
    case "text":
      return typeof value === "string" ? { kind: "text", text: value } : null;
    case "number":
      return typeof value === "number" ? { kind: "number", text: String(value) } : null;
    case "yes-no":
      return typeof value === "boolean" ? { kind: "yes-no", text: String(value) } : null;
    case "choice":
      return typeof value === "string" && control.choices.includes(value)
        ? { kind: "choice", text: value }
        : null;
    case "list":
      return Array.isArray(value) && value.every((item) => typeof item === "string")
        ? { kind: "list", items: value }
        : null;
    case "map":
      return isMap(value) && Object.values(value).every((item) => typeof item === "string")
        ? { kind: "map", pairs: Object.entries(value) as [string, string][] }
        : null;
    case "group": {
      const known = new Set(control.fields.map(({ name }) => name));
      return isMap(value) && Object.keys(value).every((key) => known.has(key))
        ? { kind: "group", drafts: draftsOf(control.fields, value) }
        : null;
    }
    case "yaml":
      return null;
  }
}

const isMap = (value: unknown): value is Options =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The control that a draft is written with. */
export const controlOf = (field: OptionField, draft: Draft): Control =>
  field.controls.find(({ kind }) => kind === draft.kind) ?? field.controls[0];

/** Nothing stands in it: the option is left out. */
export function isBlank(draft: Draft): boolean {
  switch (draft.kind) {
    case "list":
      return draft.items.every((item) => item === "");
    case "map":
      return draft.pairs.every(([name, value]) => name === "" && value === "");
    case "group":
      return Object.values(draft.drafts).every(isBlank);
    default:
      return draft.text.trim() === "";
  }
}

/**
 * All that is not left out. What nobody touched stays as it was, also where no control could say it
 * (a `null`, say).
 */
export function writtenOf(
  fields: readonly OptionField[],
  drafts: Drafts,
  original: Options,
  touched: ReadonlySet<string>,
): Written[] {
  return fields.flatMap((field): Written[] => {
    const { name } = field;
    if (!touched.has(name)) {
      return Object.hasOwn(original, name) ? [{ path: [name], value: original[name] }] : [];
    }
    const draft = drafts[name];
    return draft === undefined || isBlank(draft) ? [] : written([name], field, draft);
  });
}

function written(path: readonly string[], field: OptionField, draft: Draft): Written[] {
  switch (draft.kind) {
    case "number": {
      const number = Number(draft.text.trim());
      // What is no number is sent as it is: the server says so in its words.
      return [{ path, value: Number.isNaN(number) ? draft.text : number }];
    }
    case "yes-no":
      return [{ path, value: draft.text === "true" }];
    case "yaml":
      return [{ path, yaml: draft.text }];
    case "list":
      return [{ path, value: draft.items.filter((item) => item !== "") }];
    case "map":
      return [{ path, value: Object.fromEntries(draft.pairs.filter(([name]) => name !== "")) }];
    case "group": {
      const control = controlOf(field, draft);
      if (control.kind !== "group") return [];
      return control.fields.flatMap((inner) => {
        const own = draft.drafts[inner.name];
        return own === undefined || isBlank(own) ? [] : written([...path, inner.name], inner, own);
      });
    }
    default:
      return [{ path, value: draft.text }];
  }
}
