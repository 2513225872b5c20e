/**
 * Values that are known only when something runs: templates, and objects whose `type` is one of
 * Buildbot's renderables. Wherever one may stand, any JSON may stand too.
 */
import { z } from "zod";
import { isTemplate } from "./template";
import type { JsonValue } from "./value";

const json = z.json() as z.ZodType<JsonValue>;

const schemas = {
  Interpolate: z
    .strictObject({
      type: z.literal("Interpolate"),
      fmtstring: z.string(),
      /** For `%(kw:name)s`; renderable themselves. */
      kwargs: z.record(z.string().regex(/^[\w.-]+$/, "is not a name"), json).optional(),
      /** For `%s` and `%d`. */
      args: z.array(json).optional(),
    })
    .refine(({ kwargs, args }) => !(kwargs && args), {
      message: "kwargs and args do not go together",
    }),
  Property: z.strictObject({
    type: z.literal("Property"),
    key: z.string().min(1, "must not be empty"),
    default: json.optional(),
    /** False: the default counts only where there is no such property. */
    defaultWhenFalse: z.boolean().default(true),
  }),
  Secret: z.strictObject({
    type: z.literal("Secret"),
    name: z.string().min(1, "must not be empty"),
  }),
  URLForBuild: z.strictObject({ type: z.literal("URLForBuild") }),
  FlattenList: z.strictObject({ type: z.literal("FlattenList"), nestedlist: json }),
} as const;

export type Renderable = {
  [T in keyof typeof schemas]: z.output<(typeof schemas)[T]>;
}[keyof typeof schemas];

/** The schema of a typed renderable; null when the value is none. */
export function renderableSchema(value: unknown): z.ZodType<Renderable> | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const { type } = value as { type?: unknown };
  return typeof type === "string" && Object.hasOwn(schemas, type)
    ? (schemas[type as keyof typeof schemas] as z.ZodType<Renderable>)
    : null;
}

export function isRenderable(value: unknown): boolean {
  return typeof value === "string" ? isTemplate(value) : renderableSchema(value) !== null;
}
