/**
 * The documents with all their kinds as one schema: what an editor completes from, and where the
 * options stand whose values are hidden. Checking goes kind by kind (check.ts), for better words.
 */
import { z } from "zod";
import { changeSourceSchema } from "../change-sources/change-source-schema";
import type { JsonSchema } from "../domain/json-schema";
import { reporterSchema } from "../reporters/reporter-schema";
import { schedulerSchema } from "../schedulers/scheduler-schema";
import { stepSchema } from "../steps/step-schema";
import { name } from "./fields";
import { poolSchema } from "./pool-schema";
import { poolTemplates } from "./pool-templates";
import { builderSchema, organizationShape, projectSchema } from "./schema";
import { workerSchemas } from "./worker-schema";

const organization = z.strictObject({
  ...organizationShape,
  workers: z
    .array(
      z.discriminatedUnion(
        "type",
        Object.values(workerSchemas) as [
          typeof workerSchemas.Worker,
          typeof workerSchemas.LocalWorker,
        ],
      ),
    )
    .optional()
    .describe("The machines that run builds."),
  pools: z
    .array(
      z.strictObject({
        ...poolSchema.shape,
        worker: z.discriminatedUnion("type", [...poolTemplates.values()] as unknown as [
          z.ZodObject<{ type: z.ZodLiteral<string> }>,
        ]),
      }),
    )
    .optional()
    .describe("Workers that are made as builds need them."),
  reporters: z.array(reporterSchema).optional().describe("Who is told of what happens."),
});

const project = z.strictObject({
  ...projectSchema.shape,
  builders: z
    .array(
      z.strictObject({
        ...builderSchema.shape,
        factory: z.array(stepSchema).describe("The steps of a build, one after the other."),
      }),
    )
    .optional()
    .describe("The recipes of this project: each turns requests into builds."),
  schedulers: z
    .array(schedulerSchema)
    .optional()
    .describe("What asks for builds: a change, a time, a person."),
  change_source: z
    .union([changeSourceSchema, z.array(changeSourceSchema)])
    .optional()
    .describe("Where changes are heard of."),
});

const file = z.strictObject({
  ...organization.shape,
  projects: z
    .record(name(70), project.nullable())
    .optional()
    .describe("Projects by their names, each a document with versions of its own."),
});

const asJson = (schema: z.ZodType) =>
  z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;

let made: Readonly<Record<"file" | "organization" | "project", JsonSchema>> | null = null;

/** JSON Schemas (draft 2020-12) of a whole file, and of each document alone. */
export function documentSchemas() {
  made ??= { file: asJson(file), organization: asJson(organization), project: asJson(project) };
  return made;
}
