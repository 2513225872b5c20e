/** Options common to all steps (CORE §5.1), with Buildbot's names and defaults. */
import { z } from "zod";
import { lockAccesses } from "../domain/locks";
import { isTruthy, type JsonValue } from "../domain/properties";

/** Text that PostgreSQL and a worker can hold. */
export const text = z
  .string()
  .refine((value) => !value.includes("\0"), "must not contain a null byte");

export const propertyName = z
  .string()
  .regex(/^[\w.\-/~:]{1,256}$/, "is not a property name (letters, digits and . - _ / ~ :)");

const words = z.union([text, z.array(text)]);

const fixed = {
  haltOnFailure: z.boolean().default(false),
  flunkOnFailure: z.boolean().default(true),
  flunkOnWarnings: z.boolean().default(false),
  warnOnFailure: z.boolean().default(false),
  warnOnWarnings: z.boolean().default(false),
  alwaysRun: z.boolean().default(false),
  hideStepIf: z.boolean().default(false),
  /** Held while the step runs; it waits for them when its turn has come. */
  locks: lockAccesses.default([]),
};

/** What the engine must know of a step before its turn comes: plain values, never renderables. */
export const fixedStepOptions = z.object(fixed);
export type FixedStepOptions = z.output<typeof fixedStepOptions>;
export const FIXED_STEP_OPTIONS = ["type", ...Object.keys(fixed)];

export const commonStepOptions = {
  ...fixed,
  name: text.min(1).max(50).optional(),
  description: words.optional(),
  descriptionDone: words.optional(),
  descriptionSuffix: words.optional(),
  /** Of a renderable, truth counts. */
  doStepIf: z
    .json()
    .transform((value) => isTruthy(value as JsonValue))
    .default(true),
};

export type CommonStepOptions = z.output<z.ZodObject<typeof commonStepOptions>>;
