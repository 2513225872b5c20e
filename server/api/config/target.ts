import { z } from "zod";
import type { Target } from "../../config";
import { unstorable } from "../../domain/text";

const projectName = z
  .string()
  .min(1)
  .max(70)
  .refine((name) => unstorable(name) === null);

/** Which document, or all of them in one file. */
export const target = z.union([
  z.literal("all"),
  z.literal("organization"),
  z.object({ project: projectName }),
]) satisfies z.ZodType<Target>;

/** What it is called in rows; null: the organisation's own. */
export const projectOf = (which: Exclude<Target, "all">): string | null =>
  which === "organization" ? null : which.project;
