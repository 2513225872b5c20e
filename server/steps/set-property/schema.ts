/** Steps that set properties (CORE §5.3). Option names and defaults are Buildbot's own. */
import { z } from "zod";
import { commonStepOptions, propertyName, text } from "../schema";

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

export const setPropertiesFromEnvSchema = z.strictObject({
  type: z.literal("SetPropertiesFromEnv"),
  ...commonStepOptions,
  variables: z.union([text.min(1), z.array(text.min(1)).min(1)]),
  /** What the properties say of where they are from. */
  source: text.min(1).default("WorkerEnvironment"),
});
