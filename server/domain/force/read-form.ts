/**
 * From the flat values of a filled-in form to what is asked for: reason, priority, properties and
 * source stamps; or everything that is wrong, by field. Pure.
 */
import type { JsonValue } from "../properties";
import { unstorable } from "../text";
import {
  ANY_WORKER,
  allFields,
  type CodebaseField,
  type Field,
  type ForceForm,
  leaves,
  RESERVED_NAMES,
} from "./field";
import { FieldProblem, readValue, refuse } from "./read-value";
import { reasonSentence } from "./reason";
import { type Validation, validationProblem } from "./validation";

export interface Patch {
  readonly level: number;
  readonly body: string;
  readonly author: string;
  readonly comment: string;
  readonly subdir: string;
}

export interface FormStamp {
  readonly codebase: string;
  readonly repository: string;
  readonly branch: string | null;
  readonly revision: string | null;
  readonly project: string;
  readonly patch: Patch | null;
}

export interface FormValues {
  readonly owner: string;
  /** The whole sentence. */
  readonly reason: string;
  readonly priority: number;
  readonly properties: Readonly<Record<string, JsonValue>>;
  readonly sourceStamps: readonly FormStamp[];
}

export interface FormContext {
  /** Whoever is known to ask; what a form says of it does not count then. */
  readonly owner: string | null;
  readonly validation: Validation;
}

export type FieldErrors = Readonly<Record<string, string>>;

export type ReadForm =
  | { readonly values: FormValues; readonly errors: null }
  | { readonly values: null; readonly errors: FieldErrors };

const MAX_PRIORITY = 1_000_000;
const MAX_REASON = 10_000;

type Sent = Readonly<Record<string, unknown>>;

export function readForm(form: ForceForm, sent: Sent, context: FormContext): ReadForm {
  const reader = createReader(sent, context);
  reader.unknown(allFields(form));
  const owner = context.owner ?? String(reader.leaf(form.username) ?? "");
  const reason = String(reader.leaf(form.reason, reasonProblem) ?? "");
  const priority = Number(reader.leaf(form.priority, priorityProblem) ?? 0);
  const sourceStamps = form.codebases.map((codebase) => reader.stamp(codebase));
  const properties = reader.group(form.properties);
  if (reader.errors.size > 0) return { values: null, errors: Object.fromEntries(reader.errors) };
  return {
    errors: null,
    values: {
      owner,
      reason: reasonSentence(form.reasonString, { owner, reason }),
      priority,
      properties: Object.fromEntries([...properties, ["reason", reason], ["owner", owner]]),
      sourceStamps,
    },
  };
}

const reasonProblem = (value: JsonValue) =>
  String(value).length > MAX_REASON ? `has more than ${MAX_REASON} characters` : null;

const priorityProblem = (value: JsonValue) =>
  Math.abs(Number(value)) <= MAX_PRIORITY ? null : `is beyond ${MAX_PRIORITY}`;

type Check = (value: JsonValue) => string | null;

function createReader(sent: Sent, { owner, validation }: FormContext) {
  const errors = new Map<string, string>();
  const attempt = <T>(name: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof FieldProblem)) throw error;
      errors.set(name, error.message);
      return undefined;
    }
  };
  const sentFor = (name: string) => (Object.hasOwn(sent, name) ? sent[name] : undefined);

  function leaf(field: Field, check?: Check): JsonValue | undefined {
    const name = field.fullName ?? field.name;
    return attempt(name, () => {
      if (field.kind === "UserNameParameter" && owner !== null) return owner;
      const value = readValue(field, sentFor(name));
      if (check) refuse(check(value));
      return value;
    });
  }

  /** Values by name; a named group is a map of its own, one without a name is not there. */
  function group(fields: readonly Field[]): Map<string, JsonValue> {
    const values = new Map<string, JsonValue>();
    for (const field of fields) {
      if (field.kind === "AnyPropertyParameter") {
        const [name, value] = anyProperty(field);
        if (name !== "") values.set(name, value);
      } else if (field.fields) {
        const inner = group(field.fields);
        if (field.name === "") for (const [name, value] of inner) values.set(name, value);
        else values.set(field.name, { ...asMap(values.get(field.name)), ...asMap(inner) });
      } else {
        const value = leaf(field);
        const isChosen = field.kind !== "WorkerChoiceParameter" || isWorker(value);
        if (value !== undefined && isChosen) values.set(field.name, value);
      }
    }
    return values;
  }

  function anyProperty({ fields = [] }: Field): readonly [name: string, value: string] {
    const [nameField, valueField] = fields as readonly [Field, Field];
    const name = String(leaf(nameField, anyName(validation)) ?? "");
    const value = String(
      leaf(valueField, (text) => validationProblem(validation, "property_value", String(text))) ??
        "",
    );
    if (name === "" && value !== "") {
      errors.set(nameField.fullName ?? "", "is required: the value belongs to a property");
    }
    return [name, value];
  }

  function stamp({ codebase, fields = [] }: CodebaseField): FormStamp {
    const read = (name: string): string => {
      const field = fields.find((one) => one.name === name);
      return field ? String(leaf(field, stampCheck(name, validation)) ?? "").trim() : "";
    };
    const [branch, project, repository] = [read("branch"), read("project"), read("repository")];
    const patchField = fields.find((one) => one.kind === "PatchParameter");
    return {
      codebase,
      repository,
      branch: branch || null,
      revision: read("revision") || null,
      project,
      patch: patchField ? patch(patchField) : null,
    };
  }

  /** No body, no patch. */
  function patch({ fields = [] }: Field): Patch | null {
    const read = (name: keyof Patch): JsonValue | undefined => {
      const field = fields.find((one) => one.name === name);
      return field && leaf(field, PATCH_CHECKS[name]);
    };
    const text = (name: keyof Patch) => String(read(name) ?? "");
    const [body, author, comment] = [text("body"), text("author"), text("comment")];
    const level = Number(read("level") ?? 1);
    const subdir = text("subdir") || ".";
    return body === "" ? null : { level, body, author, comment, subdir };
  }

  function unknown(fields: readonly Field[]): void {
    const known = new Set<string>(RESERVED_NAMES);
    for (const field of leaves(fields)) known.add(field.fullName);
    for (const name of Object.keys(sent)) {
      if (!known.has(name)) errors.set(name, "is no field of this form");
    }
  }

  return { errors, leaf, group, stamp, unknown };
}

const asMap = (value: unknown): Readonly<Record<string, JsonValue>> =>
  value instanceof Map
    ? Object.fromEntries(value)
    : ((value ?? {}) as Readonly<Record<string, JsonValue>>);

const isWorker = (value: JsonValue | undefined) => value !== "" && value !== ANY_WORKER;

const MAX_PROPERTY_NAME = 256;

const anyName = (validation: Validation) => (value: JsonValue) => {
  const name = String(value);
  if (name === "__proto__" || name.length > MAX_PROPERTY_NAME) return "is not a property name";
  return validationProblem(validation, "property_name", name);
};

function stampCheck(name: string, validation: Validation): Check {
  return (value) => {
    const text = String(value).trim();
    if (name === "branch" || name === "revision") return validationProblem(validation, name, text);
    if (/\p{C}/u.test(text)) return "must not contain control characters";
    return text.startsWith("-") ? "must not begin with -" : unstorable(text);
  };
}

const PATCH_CHECKS: Readonly<Partial<Record<keyof Patch, Check>>> = {
  level: (value) =>
    Number(value) >= 0 && Number(value) <= 100 ? null : "must be a number from 0 to 100",
  subdir: (value) => {
    const parts = String(value).split(/[/\\]/);
    const isBelow = parts[0] !== "" && !parts.includes("..") && !/^\w:/.test(String(value));
    return isBelow ? null : "must be a folder below the checkout";
  },
};
