/** What a force scheduler asks of each codebase. */
import { z } from "zod";
import { LAYOUTS } from "../../domain/force";
import { leafSchema, text } from "./parameter-schema";

const group = {
  label: text.optional(),
  tablabel: text.optional(),
  tooltip: text.optional(),
  hide: z.boolean().optional(),
  required: z.boolean().optional(),
  layout: z.enum(LAYOUTS).optional(),
  columns: z.number().int().min(1).max(4, "must be at most 4").optional(),
};

/** A parameter in its place takes the name of the place. */
const placed = z.preprocess(
  (value) =>
    typeof value === "object" && value !== null && !("name" in value)
      ? { ...value, name: "placed" }
      : value,
  leafSchema,
);

/** Null: not asked for; text: fixed to this. */
const slot = z.union([z.null(), text.max(2_000), placed]).optional();

const patchSchema = z.strictObject({
  type: z.literal("PatchParameter"),
  name: z.literal("patch", { error: 'must be "patch"' }).optional(),
  ...group,
  body: placed.optional(),
  level: placed.optional(),
  author: placed.optional(),
  comment: placed.optional(),
  subdir: placed.optional(),
});

export const codebaseSchema = z.strictObject({
  type: z.literal("CodebaseParameter"),
  codebase: text.max(200).default(""),
  name: z
    .string()
    .regex(/^[\w.\-/~:]{0,100}$/, "is not a name (letters, digits and . - _ / ~ :)")
    .optional(),
  ...group,
  branch: slot,
  revision: slot,
  repository: slot,
  project: slot,
  patch: patchSchema.nullable().optional(),
});
