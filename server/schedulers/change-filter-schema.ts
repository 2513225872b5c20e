/** ChangeFilter (CORE §8). Functions are programs; a configuration is data. */
import { z } from "zod";
import { patternProblem } from "../domain/patterns";

const value = z.string().max(1_000);
const values = z.union([value, z.null(), z.array(z.union([value, z.null()])).max(500)], {
  error: "must be text, null, or a list of these",
});

const pattern = z.string().superRefine((source, context) => {
  const problem = patternProblem(source);
  if (problem !== null) context.addIssue({ code: "custom", message: problem });
});
const patterns = z.union([pattern, z.array(pattern).min(1).max(100)]);

const byProperty = <T extends z.ZodType>(of: T) => z.record(z.string().min(1).max(256), of);

export const FILTERED = ["project", "repository", "branch", "category", "codebase"] as const;
export type Filtered = (typeof FILTERED)[number];

type FieldOptions = { [K in Filtered]: z.ZodOptional<typeof values> } & {
  [K in `${Filtered}_not_eq`]: z.ZodOptional<typeof values>;
} & { [K in `${Filtered}_re` | `${Filtered}_not_re`]: z.ZodOptional<typeof patterns> };

const fields = Object.fromEntries(
  FILTERED.flatMap((field) => [
    [field, values.optional()],
    [`${field}_not_eq`, values.optional()],
    [`${field}_re`, patterns.optional()],
    [`${field}_not_re`, patterns.optional()],
  ]),
) as FieldOptions;

export const changeFilterSchema = z.strictObject(
  {
    ...fields,
    property_eq: byProperty(values).optional(),
    property_not_eq: byProperty(values).optional(),
    property_re: byProperty(patterns).optional(),
    property_not_re: byProperty(patterns).optional(),
  },
  {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? (issue.keys as string[]).map(unknownOption).join("\n")
        : undefined,
  },
);

function unknownOption(key: string): string {
  return /_fn$/.test(key)
    ? `"${key}" would be a program: say it with values and patterns (_re)`
    : `unknown key "${key}"`;
}

export type ChangeFilterOptions = z.output<typeof changeFilterSchema>;
