/** The value of one field, from what was sent for it. Pure. */
import { compilePattern } from "../patterns";
import type { JsonValue } from "../properties";
import { unstorable } from "../text";
import { ANY_WORKER, type Field } from "./field";

/** What is wrong with one field, for the person who filled it in. */
export class FieldProblem extends Error {
  override readonly name = "FieldProblem";
}

export function refuse(problem: string | null): void {
  if (problem !== null) throw new FieldProblem(problem);
}

/** @throws FieldProblem */
export function readValue(field: Field, sent: unknown): JsonValue {
  if (field.kind === "FixedParameter") return field.default;
  const given = (Array.isArray(sent) ? sent : [sent]).filter((one) => !isBlank(one));
  if (given.length === 0) {
    if (field.required) throw new FieldProblem("is required");
    // Somebody took every choice away, which is not the same as saying nothing.
    return field.multiple && Array.isArray(sent) ? [] : field.default;
  }
  if (field.multiple) return [...new Set(given.map((one) => readOne(field, one) as string))];
  if (given.length > 1) throw new FieldProblem("takes one value");
  return readOne(field, given[0]);
}

/** Spaces alone say nothing, as an empty field of a form says nothing. */
const isBlank = (value: unknown) =>
  value === undefined || value === null || (typeof value === "string" && value.trim() === "");

function readOne(field: Field, value: unknown): JsonValue {
  if (field.kind === "BooleanParameter") return readBoolean(value);
  const text = readText(value);
  refuse(
    unstorable(text) && field.kind === "FileParameter" ? "is not a text file" : unstorable(text),
  );
  refuse(sizeProblem(field, text));
  if (field.regex !== null && !compilePattern(field.regex).matchesStart(text)) {
    throw new FieldProblem(`must match ${field.regex}`);
  }
  switch (field.kind) {
    case "IntParameter":
      return readInteger(text);
    case "UserNameParameter":
      refuse(
        field.need_email && !ADDRESS.test(text) ? "needs an address: Ada <ada@example.org>" : null,
      );
      return text;
    case "ChoiceStringParameter":
      refuse(field.strict ? choiceProblem(field, text, "is none of the choices") : null);
      return text;
    case "WorkerChoiceParameter":
      refuse(
        text === ANY_WORKER ? null : choiceProblem(field, text, "is no worker of this builder"),
      );
      return text;
    default:
      return text;
  }
}

const ADDRESS = /[^\s@<>]+@[^\s@<>]+/;

/** Programs send numbers where people write them. */
function readText(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  throw new FieldProblem("must be text");
}

const BOOLEANS: Readonly<Record<string, boolean>> = {
  ...{ true: true, on: true, yes: true, "1": true },
  ...{ false: false, off: false, no: false, "0": false },
};

function readBoolean(value: unknown): boolean {
  const found = BOOLEANS[String(value).trim().toLowerCase()];
  if (found === undefined) throw new FieldProblem("must be true or false");
  return found;
}

function readInteger(text: string): number {
  const number = /^\s*[+-]?\d+\s*$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw new FieldProblem("must be a whole number");
  return number;
}

function sizeProblem({ kind, maxsize }: Field, text: string): string | null {
  if (maxsize === null) return null;
  if (kind !== "FileParameter") {
    return text.length > maxsize ? `has ${text.length} characters; at most ${maxsize}` : null;
  }
  const bytes = new TextEncoder().encode(text).length;
  return bytes > maxsize ? `has ${bytes} bytes; at most ${maxsize}` : null;
}

function choiceProblem({ choices = [] }: Field, text: string, problem: string): string | null {
  if (choices.includes(text)) return null;
  const shown = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return `${JSON.stringify(shown)} ${problem}`;
}
