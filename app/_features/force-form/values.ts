/** What stands in the fields of a force scheduler's form, from the first sight to what is sent. */
import { type Field, leaves } from "../../../server/domain/force";

export interface ChosenFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly text: string;
}

export type Value = string | boolean | readonly string[] | ChosenFile | null;

/** By full name. */
export type Values = Readonly<Record<string, Value>>;

type Leaf = Field & { readonly fullName: string };

/** Who is signed in and what is fixed is known without asking. */
export function isShown(field: Field): boolean {
  if (field.fields) return !field.hide && field.fields.some(isShown);
  return !field.hide && field.type !== "fixed" && field.type !== "username";
}

/** Defaults, what was used last in this browser, what the link says: the later wins. */
export function firstValues(
  fields: readonly Field[],
  remembered: Readonly<Record<string, unknown>>,
  link: URLSearchParams,
): Values {
  const all = [...leaves(fields)].filter(({ type }) => type !== "fixed");
  let values: Values = Object.fromEntries(
    all.filter(isShown).map((field) => [field.fullName, defaultValue(field)]),
  );
  for (const field of all) values = autopopulated(all, values, field, defaultValue(field));
  for (const field of all.filter(isShown)) {
    const { fullName } = field;
    const said = link.getAll(fullName);
    const kept = Object.hasOwn(remembered, fullName) ? asValue(field, remembered[fullName]) : null;
    const linked = said.length > 0 ? asValue(field, fromLink(field, said)) : null;
    values = { ...values, [fullName]: linked ?? kept ?? values[fullName] ?? null };
  }
  return values;
}

export function defaultValue(field: Field): Value {
  if (field.type === "bool") return field.default === true;
  if (field.type === "file") return null;
  if (field.multiple) return Array.isArray(field.default) ? field.default.map(String) : [];
  return field.default === null ? "" : String(field.default);
}

/** A change of one field, and of those it fills in. */
export function changed(
  fields: readonly Field[],
  values: Values,
  field: Field,
  value: Value,
): Values {
  const next = { ...values, [field.fullName ?? field.name]: value };
  return autopopulated([...leaves(fields)], next, field, value);
}

function autopopulated(all: readonly Leaf[], values: Values, field: Field, value: Value): Values {
  const filled = field.autopopulate?.[String(value)];
  if (!filled) return values;
  const changes = Object.entries(filled).flatMap(([name, given]) => {
    const target = all.find((one) => one.fullName === name) ?? all.find((one) => one.name === name);
    const filledIn = target ? asValue(target, given) : null;
    return target && filledIn !== null ? [[target.fullName, filledIn] as const] : [];
  });
  return { ...values, ...Object.fromEntries(changes) };
}

function fromLink(field: Field, said: readonly string[]): unknown {
  if (field.type === "bool") return ["1", "true", "on", "yes"].includes(String(said.at(-1)));
  return field.multiple ? said : said.at(-1);
}

/** Null when it does not fit the field (any more). */
function asValue(field: Field, given: unknown): Value {
  if (field.type === "file") return null;
  if (field.type === "bool") return typeof given === "boolean" ? given : null;
  if (field.multiple) {
    if (!Array.isArray(given)) return null;
    return given.map(String).filter((one) => isChoice(field, one));
  }
  if (typeof given !== "string" && typeof given !== "number") return null;
  return isChoice(field, String(given)) ? String(given) : null;
}

export const isOpenChoice = (field: Field) =>
  field.kind === "ChoiceStringParameter" && field.strict === false;

const isChoice = (field: Field, text: string) =>
  field.type !== "list" || isOpenChoice(field) || (field.choices ?? []).includes(text);

/** What the server is sent: a file is its text. */
export function sentValues(values: Values): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === "object" && value !== null && "text" in value ? value.text : value,
    ]),
  );
}

/** Does one of these fields, or one in them, have something wrong? */
export function hasProblem(field: Field, problems: Readonly<Record<string, unknown>>): boolean {
  if (field.fields) return field.fields.some((one) => hasProblem(one, problems));
  return problems[field.fullName ?? field.name] !== undefined;
}
