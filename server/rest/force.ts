/** Starting builds: on a builder, or as Buildbot's force scheduler is spoken to. */
import { submitForm } from "../api/force/submit-form";
import type { Queryable } from "../db/pool";
import { AppError } from "../domain/errors";
import {
  DEFAULT_REASON_STRING,
  reasonSentence,
  type Validation,
  validationProblem,
} from "../domain/force";
import { type BuilderId, type OrgId, parseId } from "../domain/ids";
import type { EngineCommands, Made } from "../engine";
import type { Asker } from "./access";
import { type ForceParams, forceFormParams, forceParams, parseParams } from "./params";

type Name = string;

export interface FoundBuilder {
  readonly id: BuilderId;
  readonly name: string;
}

/**
 * Finds builders by name or id. A builder's row keeps its id and its name for ever, so what was
 * found once is remembered; whether it is still configured is for `force` to see.
 */
export interface BuilderIds {
  find(tx: Queryable, orgId: OrgId, selector: Name): Promise<FoundBuilder>;
}

const MAX_KNOWN = 50_000;

export function createBuilderIds(): BuilderIds {
  const known = new Map<string, FoundBuilder>();
  return {
    async find(tx, orgId, selector) {
      const key = `${orgId}/${selector}`;
      const kept = known.get(key);
      if (kept !== undefined) return kept;
      const id = parseId(selector);
      const [row] = await tx.rows<FoundBuilder>(
        id !== null
          ? "select id, name from builder where org_id = $1 and id = $2::bigint"
          : "select id, name from builder where org_id = $1 and name = $2::text",
        [orgId, id ?? selector],
      );
      if (!row) throw new AppError("builder.unknown", { builder: selector });
      if (known.size >= MAX_KNOWN) known.clear();
      known.set(key, row);
      return row;
    },
  };
}

export interface ForceContext {
  readonly commands: EngineCommands;
  readonly builders: BuilderIds;
  readonly orgId: OrgId;
  readonly validation: Validation;
}

/** Method `force` of a builder (CONTRACT): the whole of it in the caller's transaction. */
export async function forceBuilder(
  context: ForceContext,
  tx: Queryable,
  asker: Asker,
  selector: string,
  params: unknown,
): Promise<Made> {
  const wanted = parseParams(forceParams, params);
  const builder = await context.builders.find(tx, context.orgId, selector);
  return submit(context, tx, asker, builder, wanted, asker.actor);
}

const SCHEDULER = "force";

/** Method `force` of a force scheduler (CORE §8.1). */
export async function forceForm(
  context: ForceContext,
  tx: Queryable,
  asker: Asker,
  scheduler: string,
  params: Readonly<Record<string, unknown>>,
): Promise<Made> {
  const { commands, orgId } = context;
  const ask = {
    orgId,
    actor: asker.actor,
    mustBeAbleToForce: (builder: string) => asker.mustBeAbleTo("force", builder),
  };
  try {
    return await submitForm(commands, tx, ask, scheduler, params);
  } catch (error) {
    const isUnknown = error instanceof AppError && error.code === "request.not-found";
    if (!isUnknown || scheduler !== SCHEDULER) throw error;
    return unconfigured(context, tx, asker, params);
  }
}

/** Where none is configured there is one named `force`, for any one builder, that takes all. */
async function unconfigured(
  context: ForceContext,
  tx: Queryable,
  asker: Asker,
  params: unknown,
): Promise<Made> {
  const { builderid, builderNames, username, ...rest } = parseParams(forceFormParams, params);
  const selector = builderid ?? builderNames?.[0];
  if (selector === undefined || (builderNames?.length ?? 0) > 1) {
    throw new AppError("request.malformed", { problem: "builderid, or one of builderNames" });
  }
  const known = Object.keys(forceParams.shape);
  const isKnown = ([name]: [string, unknown]) => known.includes(name);
  const fields = Object.entries(rest);
  const { properties, ...order } = Object.fromEntries(fields.filter(isKnown));
  const others = Object.fromEntries(fields.filter((field) => !isKnown(field)));
  const wanted = parseParams(forceParams, {
    ...order,
    properties: { ...(properties as object | undefined), ...others },
  });
  const builder = await context.builders.find(tx, context.orgId, String(selector));
  const owner = username || asker.actor;
  const reason = reasonSentence(DEFAULT_REASON_STRING, { owner, reason: wanted.reason });
  return submit(context, tx, asker, builder, { ...wanted, reason }, owner);
}

function submit(
  { commands, orgId, validation }: ForceContext,
  tx: Queryable,
  asker: Asker,
  builder: FoundBuilder,
  { idempotency_key, ...wanted }: ForceParams,
  owner: string,
): Promise<Made> {
  asker.mustBeAbleTo("force", builder.name);
  mustBeValid(validation, wanted);
  return commands.force(
    { orgId, actor: asker.actor },
    {
      ...wanted,
      builderId: builder.id,
      owner,
      scheduler: SCHEDULER,
      idempotencyKey: idempotency_key,
    },
    tx,
  );
}

/** The organisation's own patterns, on top of what no build could hold. */
function mustBeValid(validation: Validation, wanted: Omit<ForceParams, "idempotency_key">): void {
  const { branch, revision, properties } = wanted;
  const problems = [
    ["branch", validationProblem(validation, "branch", branch ?? "")],
    ["revision", validationProblem(validation, "revision", revision ?? "")],
    ...Object.keys(properties).map((name) => [
      `properties.${name}`,
      validationProblem(validation, "property_name", name),
    ]),
  ].filter(([, problem]) => problem !== null);
  if (problems.length === 0) return;
  const problem = problems.map(([name, text]) => `${name}: ${text}`).join("; ");
  throw new AppError("request.malformed", { problem });
}
