import { z } from "zod";
import { FormInvalid, validationOf, validationProblem } from "../../domain/force";
import type { ApiContext } from "../context";
import type { OrgScope } from "../trpc";
import { oneBuilder } from "./one";

const propertyName = z
  .string()
  .trim()
  .min(1, "a property needs a name")
  .max(256)
  .regex(/^[^\s%]+$/, "a name has no spaces and no %");

const optional = z
  .string()
  .trim()
  .max(1024)
  .transform((text) => (text === "" ? null : text));

export const forceInput = z.object({
  builderId: z.number().int().positive(),
  reason: z.string().trim().max(1000, "at most 1,000 characters"),
  branch: optional,
  revision: optional,
  repository: optional,
  priority: z.number().int().min(-1_000_000).max(1_000_000),
  properties: z
    .array(z.object({ name: propertyName, value: z.string().max(65_536) }))
    .max(200)
    .refine(
      (list) => new Set(list.map((item) => item.name)).size === list.length,
      "two properties have the same name",
    ),
  /** Made by the dialog once, so that a double click starts one build. */
  idempotencyKey: z.string().min(8).max(100),
});

/** Asks for one build. Answers what to link to. */
export async function forceBuild(
  ctx: ApiContext,
  org: OrgScope,
  input: z.output<typeof forceInput>,
): Promise<{ buildsetId: number; requestId: number | null }> {
  const builder = await oneBuilder(org, input);
  await mustBeValid(org, input);
  const made = await ctx.runtime.commands.force(org.caller, {
    builderId: builder.id as never,
    reason: input.reason || "force build",
    owner: org.user.email,
    properties: Object.fromEntries(input.properties.map(({ name, value }) => [name, value])),
    branch: input.branch,
    revision: input.revision,
    repository: input.repository,
    project: null,
    codebase: null,
    priority: input.priority,
    idempotencyKey: input.idempotencyKey,
  });
  made.announce();
  return {
    buildsetId: made.buildsetId,
    requestId: made.requestIds[String(builder.id)] ?? null,
  };
}

/** What the organisation lets people say of a source and of names of properties (CORE §2). */
async function mustBeValid(org: OrgScope, input: z.output<typeof forceInput>): Promise<void> {
  const [row] = await org.within((tx) =>
    tx.rows<{ validation: unknown }>("select validation from organization where id = $1", [
      org.orgId,
    ]),
  );
  const validation = validationOf(row?.validation);
  const wrong = input.properties
    .map(({ name }) => validationProblem(validation, "property_name", name))
    .find((problem) => problem !== null);
  const fields = Object.entries({
    branch: validationProblem(validation, "branch", input.branch ?? ""),
    revision: validationProblem(validation, "revision", input.revision ?? ""),
    properties: wrong ?? null,
  }).flatMap(([name, problem]) => (problem === null ? [] : [[name, problem] as const]));
  if (fields.length > 0) throw new FormInvalid(Object.fromEntries(fields));
}
