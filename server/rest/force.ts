/** Starting builds: on a builder, or as Buildbot's force scheduler is spoken to. */
import type { Queryable } from "../db/pool";
import { AppError } from "../domain/errors";
import { type BuilderId, type OrgId, parseId } from "../domain/ids";
import type { EngineCommands, Made } from "../engine";
import type { Asker } from "./access";
import { type ForceParams, forceFormParams, forceParams, parseParams } from "./params";

type Name = string;

/**
 * Finds builders by name or id. A builder's row keeps its id and its name for ever, so what was
 * found once is remembered; whether it is still configured is for `force` to see.
 */
export interface BuilderIds {
  find(tx: Queryable, orgId: OrgId, selector: Name): Promise<BuilderId>;
}

const MAX_KNOWN = 50_000;

export function createBuilderIds(): BuilderIds {
  const known = new Map<string, BuilderId>();
  return {
    async find(tx, orgId, selector) {
      const key = `${orgId}/${selector}`;
      const kept = known.get(key);
      if (kept !== undefined) return kept;
      const id = parseId(selector);
      const [row] = await tx.rows<{ id: BuilderId }>(
        id !== null
          ? "select id from builder where org_id = $1 and id = $2::bigint"
          : "select id from builder where org_id = $1 and name = $2::text",
        [orgId, id ?? selector],
      );
      if (!row) throw new AppError("builder.unknown", { builder: selector });
      if (known.size >= MAX_KNOWN) known.clear();
      known.set(key, row.id);
      return row.id;
    },
  };
}

export interface ForceContext {
  readonly commands: EngineCommands;
  readonly builders: BuilderIds;
  readonly orgId: OrgId;
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
  const builderId = await context.builders.find(tx, context.orgId, selector);
  return submit(context, tx, asker, builderId, wanted, asker.actor);
}

const SCHEDULER = "force";

/** Method `force` of the force scheduler that every organisation has (CORE §8.1), one builder. */
export async function forceForm(
  context: ForceContext,
  tx: Queryable,
  asker: Asker,
  scheduler: string,
  params: unknown,
): Promise<Made> {
  if (scheduler !== SCHEDULER) throw new AppError("request.not-found", { what: "force scheduler" });
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
  const builderId = await context.builders.find(tx, context.orgId, String(selector));
  const owner = username || asker.actor;
  const sentence = `A build was forced by '${owner}': ${wanted.reason}`;
  return submit(context, tx, asker, builderId, { ...wanted, reason: sentence }, owner);
}

function submit(
  { commands, orgId }: ForceContext,
  tx: Queryable,
  asker: Asker,
  builderId: BuilderId,
  { idempotency_key, ...wanted }: ForceParams,
  owner: string,
): Promise<Made> {
  return commands.force(
    { orgId, actor: asker.actor },
    { ...wanted, builderId, owner, scheduler: SCHEDULER, idempotencyKey: idempotency_key },
    tx,
  );
}
