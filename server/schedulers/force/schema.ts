/** ForceScheduler: builds that a person asks for (CORE §8.1). Option names are Buildbot's. */
import { z } from "zod";
import {
  allFields,
  type ForceOptions,
  forceForm,
  leaves,
  reasonStringProblem,
} from "../../domain/force";
import { builderNames, schedulerName } from "../schema";
import { codebaseSchema } from "./codebase-schema";
import { leafSchema, parameterSchema, text } from "./parameter-schema";

/** A parameter that has its name from its place unless it is given one. */
const placed = (name: string) =>
  z.preprocess(
    (value) =>
      typeof value === "object" && value !== null && !("name" in value)
        ? { ...value, name }
        : value,
    leafSchema,
  );

const options = {
  builderNames,
  label: text.max(200).nullable().optional(),
  buttonName: text.max(200).nullable().optional(),
  reason: placed("reason").optional(),
  reasonString: text
    .max(1_000)
    .superRefine((value, context) => {
      const problem = reasonStringProblem(value);
      if (problem) context.addIssue({ code: "custom", message: problem });
    })
    .optional(),
  username: placed("username").optional(),
  priority: placed("priority").optional(),
  codebases: z
    .array(z.union([text.max(200), codebaseSchema]))
    .min(1, "needs one: {type: CodebaseParameter, codebase: '', hide: true} asks for nothing")
    .max(100)
    .optional(),
  properties: z.array(parameterSchema).max(500).optional(),
};

export const forceSchema = z
  .strictObject({ type: z.literal("ForceScheduler"), name: schedulerName, ...options })
  .superRefine((written, context) => {
    for (const name of repeated(written as ForceOptions)) {
      const message = `there are two parameters ${JSON.stringify(name)}`;
      context.addIssue({ code: "custom", path: ["properties"], message });
    }
  });

/** Full names that stand for more than one field. */
function repeated(written: ForceOptions): string[] {
  const names = [...leaves(allFields(forceForm("", written)))].map((field) => field.fullName);
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

/** As stored: `type` and `name` have columns of their own. */
export const storedForceSchema = z.strictObject(options);
