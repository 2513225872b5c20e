/** Steps on files and directories of the worker, by its own commands (CORE §5.3). */
import { z } from "zod";
import { commonStepOptions, text } from "../schema";
import { seconds } from "../shell/schema";

const path = text.min(1);

export const makeDirectorySchema = z.strictObject({
  type: z.literal("MakeDirectory"),
  ...commonStepOptions,
  dir: path,
});

export const removeDirectorySchema = z.strictObject({
  type: z.literal("RemoveDirectory"),
  ...commonStepOptions,
  dir: z.union([path, z.array(path).min(1)]),
});

export const copyDirectorySchema = z.strictObject({
  type: z.literal("CopyDirectory"),
  ...commonStepOptions,
  src: path,
  dest: path,
  timeout: seconds.nullable().default(120),
  maxTime: seconds.nullable().default(null),
});

export const fileExistsSchema = z.strictObject({
  type: z.literal("FileExists"),
  ...commonStepOptions,
  file: path,
});
