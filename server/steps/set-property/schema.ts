/** Steps that set properties (CORE §5.3). Option names and defaults are Buildbot's own. */
import { z } from "zod";
import { commonStepOptions, text } from "../schema";
import { environment, seconds } from "../shell/schema";

const propertyName = z
  .string()
  .regex(/^[\w.\-/~:]{1,256}$/, "is not a property name (letters, digits and . - _ / ~ :)");

export const setPropertySchema = z.strictObject({
  type: z.literal("SetProperty"),
  ...commonStepOptions,
  property: propertyName,
  value: z.json(),
});

export const setPropertiesSchema = z.strictObject({
  type: z.literal("SetProperties"),
  ...commonStepOptions,
  properties: z.record(propertyName, z.json()),
});

export const setPropertyFromCommandSchema = z.strictObject({
  type: z.literal("SetPropertyFromCommand"),
  ...commonStepOptions,
  command: z.union([text.min(1), z.array(text).min(1)]),
  property: propertyName,
  /** Without the white space around it. */
  strip: z.boolean().default(true),
  includeStdout: z.boolean().default(true),
  includeStderr: z.boolean().default(false),
  workdir: text.default("build"),
  env: environment.default({}),
  timeout: seconds.nullable().default(1200),
  maxTime: seconds.nullable().default(null),
  logEnviron: z.boolean().default(true),
});

export const setPropertiesFromEnvSchema = z.strictObject({
  type: z.literal("SetPropertiesFromEnv"),
  ...commonStepOptions,
  variables: z.union([text.min(1), z.array(text.min(1)).min(1)]),
  /** What the properties say of where they are from. */
  source: text.min(1).default("WorkerEnvironment"),
});
