/**
 * What a force scheduler asks for: its form, as a tree of fields. Names, types and nesting are those
 * of Buildbot's API (`all_fields`), so that programs written for it can draw the form.
 */
import type { JsonValue } from "../properties";

export const KINDS = [
  "FixedParameter",
  "StringParameter",
  "TextParameter",
  "IntParameter",
  "BooleanParameter",
  "UserNameParameter",
  "ChoiceStringParameter",
  "WorkerChoiceParameter",
  "FileParameter",
  "NestedParameter",
  "AnyPropertyParameter",
  "CodebaseParameter",
  "PatchParameter",
] as const;

/** Buildbot's name of the class, as the configuration says it. */
export type Kind = (typeof KINDS)[number];

/** How it is drawn: Buildbot's words. */
export type Drawn =
  | "fixed"
  | "text"
  | "textarea"
  | "int"
  | "bool"
  | "username"
  | "list"
  | "file"
  | "nested";

/** A value of one field that fills in others: value → full name of a field → its value. */
export type Autopopulate = Readonly<Record<string, Readonly<Record<string, JsonValue>>>>;

export interface Field {
  readonly kind: Kind;
  readonly name: string;
  /** The key of its value in what is sent; null for a group without a name. */
  readonly fullName: string | null;
  readonly label: string;
  readonly tablabel: string;
  readonly type: Drawn;
  readonly default: JsonValue;
  readonly required: boolean;
  readonly multiple: boolean;
  /** Matched from the start of the text. */
  readonly regex: string | null;
  readonly hide: boolean;
  /** Characters; of a file, bytes. */
  readonly maxsize: number | null;
  readonly autopopulate: Autopopulate | null;
  readonly tooltip: string;
  readonly size?: number;
  readonly cols?: number;
  readonly rows?: number;
  readonly need_email?: boolean;
  readonly choices?: readonly string[];
  readonly strict?: boolean;
  readonly layout?: Layout;
  readonly columns?: number;
  readonly fields?: readonly Field[];
}

export const LAYOUTS = ["simple", "vertical", "tabs"] as const;
export type Layout = (typeof LAYOUTS)[number];

export interface CodebaseField extends Field {
  readonly codebase: string;
}

export interface ForceForm {
  readonly name: string;
  readonly label: string;
  readonly buttonName: string;
  readonly builderNames: readonly string[];
  /** `%(owner)s` and `%(reason)s` stand for what was said. */
  readonly reasonString: string;
  readonly username: Field;
  readonly reason: Field;
  readonly priority: Field;
  readonly codebases: readonly CodebaseField[];
  readonly properties: readonly Field[];
}

/** What the worker's choice says when it says nothing. */
export const ANY_WORKER = "-any-";

/** Of a whole call: the sum of what its files and texts may take. */
export const MAX_FORM_BYTES = 16 * 1024 * 1024;

/** Keys of a call that are no fields. */
export const RESERVED_NAMES = ["owner", "builderid", "builderNames", "idempotency_key"] as const;

/** Every field that holds a value of its own, wherever it is nested. */
export function* leaves(fields: readonly Field[]): Generator<Field & { fullName: string }> {
  for (const field of fields) {
    if (field.fields) yield* leaves(field.fields);
    else yield { ...field, fullName: field.fullName ?? field.name };
  }
}

/** The form as Buildbot's API lists its fields. */
export function allFields(form: ForceForm): readonly Field[] {
  const { username, reason, priority } = form;
  const who: Field = { ...UNNAMED_GROUP, fields: [username, reason, priority] };
  return [who, ...form.codebases, ...form.properties];
}

const UNNAMED_GROUP: Field = {
  kind: "NestedParameter",
  name: "",
  fullName: null,
  label: "",
  tablabel: "",
  type: "nested",
  default: "",
  required: false,
  multiple: false,
  regex: null,
  hide: false,
  maxsize: null,
  autopopulate: null,
  tooltip: "",
  layout: "vertical",
  columns: 1,
};
