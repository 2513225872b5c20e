/** ShellCommand (CORE §5.2). Option names and defaults are Buildbot's own. */
import { z } from "zod";
import { RESULTS } from "../../domain/builds/result";
import { commonStepOptions, propertyName, text } from "../schema";

export const seconds = z.number().positive().max(31_536_000);
const resultName = z.enum(
  Object.keys(RESULTS) as [keyof typeof RESULTS, ...(keyof typeof RESULTS)[]],
);

export type NestedText = string | NestedText[];
const nested: z.ZodType<NestedText> = z.lazy(() => z.union([text, z.array(nested)]));

const logfile = z.union([
  text,
  z.strictObject({ filename: text, follow: z.boolean().default(false) }),
]);

export const environment = z.record(
  z.string().regex(/^[^=\0]+$/, "is not a name of an environment variable"),
  z.union([text, z.array(text), z.null()]),
);

export const shellCommandSchema = z.strictObject({
  type: z.literal("ShellCommand"),
  ...commonStepOptions,
  /** A list is an argv (nested lists are flattened), a string goes to the worker's shell. */
  command: z.union([text.min(1), z.array(nested).min(1)]),
  workdir: text.default("build"),
  env: environment.default({}),
  want_stdout: z.boolean().default(true),
  want_stderr: z.boolean().default(true),
  usePTY: z.boolean().default(false),
  logfiles: z.record(text.min(1).max(50), logfile).default({}),
  /** Seconds without output. */
  timeout: seconds.nullable().default(1200),
  /** Seconds in all. */
  maxTime: seconds.nullable().default(null),
  max_lines: z.number().int().positive().nullable().default(null),
  logEnviron: z.boolean().default(true),
  interruptSignal: z
    .string()
    .regex(/^[A-Z][A-Z0-9]{1,9}$/, "is a signal's name without SIG")
    .default("KILL"),
  sigtermTime: seconds.nullable().default(null),
  initialStdin: text.nullable().default(null),
  decodeRC: z
    .record(z.string().regex(/^-?\d{1,6}$/, "is an exit status"), resultName)
    .default({ "0": "SUCCESS" }),
});

export type ShellCommandOptions = z.output<typeof shellCommandSchema>;

/** What the command prints becomes a property (CORE §5.3). */
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
