/** Parameters of a ForceScheduler (CORE §8.1), with Buildbot's names of classes and options. */
import { z } from "zod";
import { KINDS, LAYOUTS, type ParameterOptions, RESERVED_NAMES } from "../../domain/force";
import { patternProblem } from "../../domain/patterns";
import { unstorable } from "../../domain/text";

export const text = z
  .string()
  .max(100_000)
  .superRefine((value, context) => {
    const problem = unstorable(value);
    if (problem !== null) context.addIssue({ code: "custom", message: problem });
  });

export const pattern = z.string().superRefine((source, context) => {
  const problem = patternProblem(source);
  if (problem !== null) context.addIssue({ code: "custom", message: problem });
});

const parameterName = z
  .string()
  .regex(/^[\w.\-/~:]{0,100}$/, "is not a name (at most 100 letters, digits and . - _ / ~ :)")
  .refine((value) => value !== "__proto__", "is not a usable name")
  .refine((value) => !(RESERVED_NAMES as readonly string[]).includes(value), "is a reserved name");

const common = {
  name: parameterName.optional(),
  label: text.optional(),
  tablabel: text.optional(),
  required: z.boolean().optional(),
  hide: z.boolean().optional(),
  maxsize: z.number().int().positive().nullable().optional(),
  tooltip: text.optional(),
  /** Value of this one → name of another → what it gets. */
  autopopulate: z.record(z.string(), z.record(z.string(), z.json())).nullable().optional(),
  regex: pattern.nullable().optional(),
};

const named = { ...common, name: parameterName.min(1, "must not be empty") };
const written = { default: text.optional(), size: z.number().int().min(1).max(500).optional() };
const choices = z.array(text.min(1, "must not be empty")).max(5_000);

export const simpleSchemas = [
  z.strictObject({ type: z.literal("FixedParameter"), ...named, default: z.json().optional() }),
  z.strictObject({ type: z.literal("StringParameter"), ...named, ...written }),
  z.strictObject({
    type: z.literal("TextParameter"),
    ...named,
    ...written,
    cols: z.number().int().min(1).max(500).optional(),
    rows: z.number().int().min(1).max(200).optional(),
  }),
  z.strictObject({
    type: z.literal("IntParameter"),
    ...named,
    ...written,
    default: z.number().int().optional(),
  }),
  z.strictObject({
    type: z.literal("BooleanParameter"),
    ...named,
    default: z.boolean().optional(),
  }),
  z.strictObject({
    type: z.literal("UserNameParameter"),
    ...common,
    ...written,
    need_email: z.boolean().optional(),
  }),
  z
    .strictObject({
      type: z.literal("ChoiceStringParameter"),
      ...named,
      default: z.union([text, z.array(text)]).optional(),
      choices: choices.min(1, "needs at least one choice"),
      strict: z.boolean().optional(),
      multiple: z.boolean().optional(),
    })
    .superRefine((choice, context) => {
      const problem = defaultProblem(choice);
      if (problem) context.addIssue({ code: "custom", path: ["default"], message: problem });
    }),
  z.strictObject({
    type: z.literal("FileParameter"),
    ...named,
    default: text.optional(),
  }),
] as const;

interface Choice {
  readonly default?: string | string[] | undefined;
  readonly choices: readonly string[];
  readonly strict?: boolean | undefined;
  readonly multiple?: boolean | undefined;
}

function defaultProblem({ default: given, choices, strict, multiple }: Choice): string | null {
  if (given === undefined) return null;
  if (Array.isArray(given) !== (multiple ?? false)) {
    return multiple ? "must be a list, as multiple is true" : "must be text, as multiple is false";
  }
  const other = [given].flat().find((one) => one !== "" && !choices.includes(one));
  if (other === undefined || strict === false) return null;
  return `${JSON.stringify(other)} is none of the choices`;
}

const later = z.strictObject({
  type: z
    .literal("InheritBuildParameter", { error: "is not supported yet" })
    .refine(() => false, "InheritBuildParameter is not supported yet"),
});

export const unknownKind = (known: readonly string[]) => ({
  error: (issue: { code?: string | undefined }) =>
    issue.code === "invalid_union" ? `is none of ${known.join(", ")}` : undefined,
});

/** One field with a value of its own. */
export const leafSchema = z.discriminatedUnion(
  "type",
  [...simpleSchemas],
  unknownKind(simpleSchemas.map((schema) => schema.shape.type.value)),
);

const nestedSchema = z.strictObject({
  type: z.literal("NestedParameter"),
  ...common,
  default: z.undefined().optional(),
  layout: z.enum(LAYOUTS).optional(),
  columns: z.number().int().min(1).max(4, "must be at most 4").optional(),
  get fields(): z.ZodType<ParameterOptions[]> {
    return z.array(parameterSchema).min(1, "needs at least one field").max(500);
  },
});

/** Any parameter that makes properties. */
export const parameterSchema: z.ZodType<ParameterOptions> = z.discriminatedUnion(
  "type",
  [
    ...simpleSchemas,
    z.strictObject({
      type: z.literal("WorkerChoiceParameter"),
      ...common,
      default: text.optional(),
    }),
    z.strictObject({ type: z.literal("AnyPropertyParameter"), ...named }),
    nestedSchema,
    later,
  ],
  unknownKind(KINDS.filter((kind) => kind !== "CodebaseParameter" && kind !== "PatchParameter")),
) as z.ZodType<ParameterOptions>;
