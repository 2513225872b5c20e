/** What a control call may say. Everything is checked against what a build could hold. */
import { z } from "zod";
import { AppError } from "../domain/errors";
import type { JsonValue } from "../domain/properties";
import { unstorable } from "../domain/text";

const MAX_DEPTH = 40;

const storable = (value: string) => unstorable(value) === null;
const text = (longest: number) =>
  z.string().max(longest).refine(storable, "must not contain a null byte or broken Unicode");

/** Nothing that a version control program would take for an option; `validation` says the rest. */
const ofSource = text(500)
  .regex(/^[^\p{C}]*$/u, "must not contain control characters")
  .refine((value) => !value.startsWith("-"), "must not begin with -");
const address = text(2_000)
  .regex(/^[^\p{C}]*$/u, "must not contain control characters")
  .refine((value) => !value.startsWith("-"), "must not begin with -");

export const reason = text(10_000);

const properties = z
  .record(
    z.string().regex(/^[\w.\-/~:]{1,256}$/, "is not a property name"),
    z.unknown().superRefine((value, context) => {
      const problem = unstorableValue(value, 0);
      if (problem) context.addIssue({ code: "custom", message: problem });
    }),
  )
  .transform((map) => map as Record<string, JsonValue>);

export const forceParams = z.strictObject({
  branch: ofSource.nullable().default(null),
  revision: ofSource.nullable().default(null),
  repository: address.nullable().default(null),
  project: address.nullable().default(null),
  codebase: address.nullable().default(null),
  properties: properties.default({}),
  priority: z.int().min(-1_000_000).max(1_000_000).default(0),
  reason: reason.default("force build"),
  idempotency_key: text(200).min(1).nullable().default(null),
});

export type ForceParams = z.output<typeof forceParams>;

/** Values of Buildbot's force form: known fields, and properties beside them. */
export const forceFormParams = z.looseObject({
  builderid: z.union([z.int().positive(), z.string().regex(/^\d{1,15}$/)]).optional(),
  builderNames: z.array(z.string()).min(1).optional(),
  username: text(200).optional(),
});

/** @throws AppError request.malformed, saying for each parameter what is wrong */
export function parseParams<T>(schema: z.ZodType<T>, params: unknown): T {
  const parsed = schema.safeParse(params);
  if (parsed.success) return parsed.data;
  const problem = parsed.error.issues
    .map((issue) => {
      const inner = issue.code === "invalid_key" ? issue.issues[0]?.message : issue.message;
      const where = issue.path.map(String).join(".");
      return where === "" ? inner : `${printable(where)}: ${inner}`;
    })
    .join("; ");
  throw new AppError("request.malformed", { problem });
}

function printable(name: string): string {
  return /^[\w.:~/-]{1,100}$/.test(name) ? name : JSON.stringify(name.slice(0, 100));
}

function unstorableValue(value: unknown, depth: number): string | null {
  if (depth > MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH} levels`;
  if (typeof value === "string") return unstorable(value);
  if (typeof value !== "object" || value === null) return null;
  for (const [key, item] of Object.entries(value)) {
    const problem = unstorable(key) ?? unstorableValue(item, depth + 1);
    if (problem) return problem;
  }
  return null;
}
