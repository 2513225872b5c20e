/** Options common to all steps (CORE §5.1), with Buildbot's names and defaults. */
import { z } from "zod";

/** Text that PostgreSQL and a worker can hold. */
export const text = z
  .string()
  .refine((value) => !value.includes("\0"), "must not contain a null byte");

const words = z.union([text, z.array(text)]);

export const commonStepOptions = {
  name: text.min(1).max(50).optional(),
  haltOnFailure: z.boolean().default(false),
  flunkOnFailure: z.boolean().default(true),
  flunkOnWarnings: z.boolean().default(false),
  warnOnFailure: z.boolean().default(false),
  warnOnWarnings: z.boolean().default(false),
  alwaysRun: z.boolean().default(false),
  description: words.optional(),
  descriptionDone: words.optional(),
  descriptionSuffix: words.optional(),
  doStepIf: z.boolean().default(true),
  hideStepIf: z.boolean().default(false),
};

export type CommonStepOptions = z.output<z.ZodObject<typeof commonStepOptions>>;
