/** From what a configuration says of a force scheduler to its form: defaults and full names. Pure. */
import type { JsonValue } from "../properties";
import {
  ANY_WORKER,
  type Autopopulate,
  type CodebaseField,
  type Drawn,
  type Field,
  type ForceForm,
  type Kind,
  type Layout,
} from "./field";
import { DEFAULT_REASON_STRING } from "./reason";

/** A parameter as it is written, with Buildbot's options. */
export interface ParameterOptions {
  readonly type: Kind;
  readonly name?: string | undefined;
  readonly label?: string | undefined;
  readonly tablabel?: string | undefined;
  readonly default?: JsonValue | undefined;
  readonly required?: boolean | undefined;
  readonly multiple?: boolean | undefined;
  readonly regex?: string | null | undefined;
  readonly hide?: boolean | undefined;
  readonly maxsize?: number | null | undefined;
  readonly autopopulate?: Autopopulate | null | undefined;
  readonly tooltip?: string | undefined;
  readonly size?: number | undefined;
  readonly cols?: number | undefined;
  readonly rows?: number | undefined;
  readonly need_email?: boolean | undefined;
  readonly choices?: readonly string[] | undefined;
  readonly strict?: boolean | undefined;
  readonly layout?: Layout | undefined;
  readonly columns?: number | undefined;
  readonly fields?: readonly ParameterOptions[] | undefined;
}

/** Null: not asked for; text: not asked for, and this. */
type Slot = ParameterOptions | string | null | undefined;

export interface PatchOptions extends Omit<ParameterOptions, "default"> {
  readonly body?: ParameterOptions | undefined;
  readonly level?: ParameterOptions | undefined;
  readonly author?: ParameterOptions | undefined;
  readonly comment?: ParameterOptions | undefined;
  readonly subdir?: ParameterOptions | undefined;
}

export interface CodebaseOptions extends Omit<ParameterOptions, "default"> {
  readonly codebase: string;
  readonly branch?: Slot;
  readonly revision?: Slot;
  readonly repository?: Slot;
  readonly project?: Slot;
  readonly patch?: PatchOptions | null | undefined;
}

export interface ForceOptions {
  readonly builderNames: readonly string[];
  readonly label?: string | null | undefined;
  readonly buttonName?: string | null | undefined;
  readonly reason?: ParameterOptions | undefined;
  readonly reasonString?: string | undefined;
  readonly username?: ParameterOptions | undefined;
  readonly priority?: ParameterOptions | undefined;
  readonly codebases?: readonly (string | CodebaseOptions)[] | undefined;
  readonly properties?: readonly ParameterOptions[] | undefined;
}

/** @param workers names of those that serve the builders in question */
export function forceForm(
  name: string,
  options: ForceOptions,
  workers: readonly string[] = [],
): ForceForm {
  const make = (parameter: ParameterOptions) => field(parameter, null, workers);
  return {
    name,
    label: options.label ?? name,
    buttonName: options.buttonName ?? name,
    builderNames: options.builderNames,
    reasonString: options.reasonString ?? DEFAULT_REASON_STRING,
    username: make({ name: "username", ...(options.username ?? { type: "UserNameParameter" }) }),
    reason: make({ name: "reason", ...(options.reason ?? DEFAULT_REASON) }),
    priority: make({ name: "priority", ...(options.priority ?? { type: "IntParameter" }) }),
    codebases: (options.codebases ?? [""]).map((one) => codebaseField(one, workers)),
    properties: (options.properties ?? []).map(make),
  };
}

const DEFAULT_REASON: ParameterOptions = {
  type: "StringParameter",
  default: "force build",
  size: 20,
};

const DRAWN: Readonly<Record<Kind, Drawn>> = {
  FixedParameter: "fixed",
  StringParameter: "text",
  TextParameter: "textarea",
  IntParameter: "int",
  BooleanParameter: "bool",
  UserNameParameter: "username",
  ChoiceStringParameter: "list",
  WorkerChoiceParameter: "list",
  FileParameter: "file",
  NestedParameter: "nested",
  AnyPropertyParameter: "nested",
  CodebaseParameter: "nested",
  PatchParameter: "nested",
};

const MAX_FILE_BYTES = 10 * 1024 * 1024;

/** What a kind has when nothing is said. */
const KIND_DEFAULTS: Readonly<Partial<Record<Kind, Partial<Field>>>> = {
  FixedParameter: { hide: true },
  StringParameter: { size: 10 },
  TextParameter: { size: 10, cols: 80, rows: 20 },
  IntParameter: { default: 0, size: 10 },
  BooleanParameter: { default: false },
  UserNameParameter: { name: "username", label: "Your name:", size: 30, need_email: true },
  ChoiceStringParameter: { choices: [], strict: true },
  WorkerChoiceParameter: {
    name: "workername",
    label: "Worker",
    default: ANY_WORKER,
    strict: false,
  },
  FileParameter: { maxsize: MAX_FILE_BYTES },
};

function field(
  options: ParameterOptions,
  parentName: string | null,
  workers: readonly string[],
): Field {
  const { type: kind, fields, ...given } = options;
  const defaults = KIND_DEFAULTS[kind] ?? {};
  const name = given.name ?? defaults.name ?? "";
  const label = given.label ?? defaults.label ?? name;
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const made: Field = {
    kind,
    default: "",
    required: false,
    multiple: false,
    regex: null,
    hide: false,
    maxsize: null,
    autopopulate: null,
    tooltip: "",
    ...defaults,
    ...said,
    ...choices(options, workers),
    name,
    fullName: fullName(parentName, name),
    label,
    tablabel: given.tablabel ?? label,
    type: DRAWN[kind],
  };
  if (kind === "AnyPropertyParameter") return group(made, ANY_PROPERTY_FIELDS, workers);
  return fields ? group(made, fields, workers) : made;
}

/** A strict choice begins with its first; a list of workers is whatever they are now. */
function choices(options: ParameterOptions, workers: readonly string[]): Partial<Field> {
  if (options.type === "WorkerChoiceParameter") return { choices: [ANY_WORKER, ...workers] };
  if (options.type !== "ChoiceStringParameter" || options.default !== undefined) return {};
  if (options.multiple) return { default: [] };
  return options.strict === false ? {} : { default: options.choices?.[0] ?? "" };
}

const ANY_PROPERTY_FIELDS: readonly ParameterOptions[] = [
  { type: "StringParameter", name: "name", label: "Name:" },
  { type: "StringParameter", name: "value", label: "Value:" },
];

function group(
  made: Field,
  fields: readonly ParameterOptions[],
  workers: readonly string[],
): Field {
  const inner = fields.map((one) => field(one, made.fullName, workers));
  const columns = made.columns ?? (inner.filter((one) => !one.hide).length >= 4 ? 2 : 1);
  return { ...made, layout: made.layout ?? "vertical", columns, fields: inner };
}

/** Names of a group and of what is in it are joined; who has none does not count. */
function fullName(parent: string | null, name: string): string | null {
  return [parent ?? "", name].filter((part) => part !== "").join("_") || null;
}

const STAMP_PARTS = ["branch", "project", "repository", "revision"] as const;

function codebaseField(
  written: string | CodebaseOptions,
  workers: readonly string[],
): CodebaseField {
  const options: CodebaseOptions =
    typeof written === "string" ? { type: "CodebaseParameter", codebase: written } : written;
  const { codebase, branch, revision, repository, project, patch, ...rest } = options;
  const slots = { branch, project, repository, revision };
  const fields = STAMP_PARTS.flatMap((part) => slot(part, slots[part]));
  const label = rest.label ?? (codebase === "" ? "" : `Codebase: ${codebase}`);
  const made = field({ ...rest, name: rest.name || codebase, label }, null, workers);
  return {
    ...group(made, [...fields, ...(patch ? [patchOptions(patch)] : [])], workers),
    codebase,
  };
}

function slot(name: (typeof STAMP_PARTS)[number], given: Slot): ParameterOptions[] {
  if (given === null) return [];
  if (typeof given === "string") return [{ type: "FixedParameter", name, default: given }];
  const label = `${name[0]?.toUpperCase()}${name.slice(1)}:`;
  return [given ? { ...given, name } : { type: "StringParameter", name, label }];
}

function patchOptions(patch: PatchOptions): ParameterOptions {
  const { body, level, author, comment, subdir, ...rest } = patch;
  const part = (name: string, given: ParameterOptions | undefined, usual: ParameterOptions) => ({
    ...(given ?? usual),
    name,
  });
  return {
    columns: 1,
    ...rest,
    name: "patch",
    fields: [
      part("body", body, { type: "FileParameter" }),
      part("level", level, { type: "IntParameter", default: 1 }),
      part("author", author, { type: "StringParameter" }),
      part("comment", comment, { type: "StringParameter" }),
      part("subdir", subdir, { type: "StringParameter", default: "." }),
    ],
  };
}
