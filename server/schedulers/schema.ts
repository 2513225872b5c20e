/** Options that schedulers share (CORE §8), with Buildbot's names. */
import { z } from "zod";
import { compileGlob } from "../domain/patterns";
import { changeFilterSchema } from "./change-filter-schema";

const text = z
  .string()
  .max(10_000)
  .refine((value) => !value.includes("\0"), "must not contain a null byte");

export const schedulerName = z
  .string()
  .min(1, "must not be empty")
  .max(100, "must have at most 100 characters")
  .refine((value) => !/[\p{C}\p{Zl}\p{Zp}]/u.test(value), {
    message: "must not contain control or invisible characters",
  })
  .refine((value) => value.trim() === value, "must not begin or end with a space");

export const builderNames = z
  .array(z.string().min(1).max(200))
  .min(1, "needs at least one builder")
  .max(1_000);

/** One codebase: what a source stamp says where no change does. */
const codebase = z.strictObject({
  repository: text.default(""),
  branch: text.nullable().default(null),
  revision: text.nullable().default(null),
  project: text.optional(),
});

export const codebases = z.union(
  [
    z.array(text.max(200)).min(1).max(100),
    z.record(text.max(200), codebase.nullable()).refine((map) => Object.keys(map).length > 0, {
      message: "needs at least one codebase",
    }),
  ],
  { error: "must be a list of names, or a map of names to {repository, branch, revision}" },
);

const glob = z
  .string()
  .min(1)
  .max(1_000)
  .superRefine((value, context) => {
    try {
      compileGlob(value);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
    }
  });
const globs = z.union([glob, z.array(glob).min(1).max(200)], {
  error: "must be a glob (src/**, *.md) or a list of them",
});

/** Which files make a change worth a build: one of `include`, and none of `exclude`. */
const fileIsImportant = z.strictObject(
  { include: globs.optional(), exclude: globs.optional() },
  { error: "must be a map of include and exclude, each a list of globs" },
);

export const propertyValues = z.record(
  z
    .string()
    .regex(/^[\w.\-/~:]{1,256}$/, "is not a property name (letters, digits and . - _ / ~ :)"),
  z.json(),
);

/** Priorities are a 32-bit number in the database. */
export const priority = z.number().int().min(-1_000_000_000).max(1_000_000_000);

export const commonSchedulerOptions = {
  name: schedulerName,
  builderNames,
  properties: propertyValues.default({}),
  reason: text.optional(),
  priority: priority.default(0),
  codebases: codebases.optional(),
};

export const changeSchedulerOptions = {
  ...commonSchedulerOptions,
  change_filter: changeFilterSchema.optional(),
  /** Seconds without a further change; null: at once, one buildset per change. */
  treeStableTimer: z.number().min(0).max(31_536_000).nullable().default(null),
  fileIsImportant: fileIsImportant.optional(),
  onlyImportant: z.boolean().default(false),
};

export type ChangeSchedulerOptions = z.output<z.ZodObject<typeof changeSchedulerOptions>>;
export type CodebaseMap = Readonly<
  Record<
    string,
    { repository: string; branch: string | null; revision: string | null; project?: string }
  >
>;
export type FileIsImportant = z.output<typeof fileIsImportant>;
