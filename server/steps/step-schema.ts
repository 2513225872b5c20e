/** Every kind of step a configuration may name. */
import { z } from "zod";
import {
  copyDirectorySchema,
  fileExistsSchema,
  makeDirectorySchema,
  removeDirectorySchema,
} from "./directories/schema";
import { gitSchema } from "./git/schema";
import {
  setPropertiesFromEnvSchema,
  setPropertiesSchema,
  setPropertySchema,
} from "./set-property/schema";
import { setPropertyFromCommandSchema, shellCommandSchema } from "./shell/schema";

export const stepSchema = z.discriminatedUnion("type", [
  shellCommandSchema,
  gitSchema,
  setPropertySchema,
  setPropertiesSchema,
  setPropertyFromCommandSchema,
  setPropertiesFromEnvSchema,
  makeDirectorySchema,
  removeDirectorySchema,
  copyDirectorySchema,
  fileExistsSchema,
]);

export type StepOptions = z.output<typeof stepSchema>;
