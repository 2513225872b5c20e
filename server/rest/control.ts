/** POST: what may be done to builders, requests, builds, workers, schedulers and change sources (CORE §12, control). */
import { z } from "zod";
import type { Queryable } from "../db/pool";
import { isResult, type Result } from "../domain/builds";
import { AppError } from "../domain/errors";
import type { BuildId, BuildRequestId, ChangeSourceId, SchedulerId, WorkerId } from "../domain/ids";
import type { EngineCommands } from "../engine";
import type { FleetCommands } from "../fleet";
import type { Admission, Asker } from "./access";
import { type BuilderIds, forceBuilder, forceForm } from "./force";
import type { Call } from "./json-rpc";
import { parseParams, reason } from "./params";
import { parsePath, type Target } from "./path";
import { idOf } from "./read";

export interface ControlDeps {
  readonly commands: EngineCommands;
  readonly fleet: FleetCommands;
  readonly builders: BuilderIds;
}

const withReason = z.strictObject({ reason: reason.default("") });
const stopParams = z.strictObject({
  reason: reason.default(""),
  results: z.custom<Result>(isResult, "must be a result from 0 to 6").nullish(),
});
const priorityParams = z.strictObject({ priority: z.int().min(-1_000_000).max(1_000_000) });
const enableParams = z.strictObject({ enabled: z.boolean() });
/** As Buildbot words it (W-081). */
const workerParams = z.strictObject({ reason: reason.default("no reason") });
const WORKER_ACTIONS = { pause: "pause", unpause: "unpause", stop: "drain", kill: "kill" } as const;
const noParams = z.strictObject({});

const METHODS = {
  builders: ["force"],
  forceschedulers: ["force"],
  buildrequests: ["cancel", "set_priority"],
  builds: ["stop", "rebuild"],
  workers: ["pause", "unpause", "stop", "kill"],
  schedulers: ["enable"],
  changesources: ["poll"],
} as const;

/** @returns the `result` of the call; @throws AppError, RpcError */
export async function control(
  deps: ControlDeps,
  admission: Admission,
  segments: readonly string[],
  call: Call,
): Promise<unknown> {
  const [collection = "", selector = ""] = segments;
  const isForce = segments.length === 2 && METHODS.forceschedulers.includes(call.method as "force");
  if (isForce && (collection === "builders" || collection === "forceschedulers")) {
    return force(deps, admission, collection, selector, call);
  }
  const target = parsePath(segments, admission.orgId);
  const isKnownPath = collection === "forceschedulers" ? segments.length === 2 : target !== null;
  if (!isKnownPath) throw new AppError("request.not-found", { what: "path" });
  const methods: readonly string[] = target?.isSingle ? (methodsOf(target) ?? []) : [];
  if (!target || !methods.includes(call.method)) {
    // Who may not even look learns nothing of what exists.
    await admission.within(async (_, asker) => asker.mustBeAbleTo("view"));
    throw new AppError("request.method-unknown", { method: JSON.stringify(call.method) });
  }
  return act(deps, admission, target, call);
}

function methodsOf(target: Target): readonly string[] | null {
  const name = target.resource;
  return target.leaf === null && Object.hasOwn(METHODS, name)
    ? METHODS[name as keyof typeof METHODS]
    : null;
}

/** The hot path: one transaction of token, force, commit. */
async function force(
  { commands, builders }: ControlDeps,
  admission: Admission,
  collection: "builders" | "forceschedulers",
  selector: string,
  call: Call,
): Promise<unknown> {
  const { orgId, validation } = admission;
  const context = { commands, builders, orgId, validation };
  const made = await admission.within((tx, asker) => {
    asker.mustBeAbleTo("force");
    const start = collection === "builders" ? forceBuilder : forceForm;
    return start(context, tx, asker, selector, call.params);
  });
  made.announce();
  return collection === "builders"
    ? { buildsetid: made.buildsetId, buildrequestids: made.requestIds }
    : [made.buildsetId, made.requestIds];
}

async function act(
  { commands, fleet }: ControlDeps,
  admission: Admission,
  target: Target,
  call: Call,
): Promise<unknown> {
  const { orgId } = admission;
  const { id, actor } = await admission.within(async (tx, asker) => {
    const found = await find(tx, target, call, asker);
    return { id: found, actor: asker.actor };
  });
  const caller = { orgId, actor };
  switch (`${target.resource} ${call.method}`) {
    case "builds stop": {
      const params = parseParams(stopParams, call.params);
      const how = { reason: params.reason, result: params.results ?? undefined };
      await commands.stopBuild(caller, id as BuildId, how);
      return null;
    }
    case "builds rebuild": {
      parseParams(noParams, call.params);
      const made = await commands.rebuild(caller, id as BuildId);
      made.announce();
      return [made.buildsetId, made.requestIds];
    }
    case "buildrequests cancel": {
      const params = parseParams(withReason, call.params);
      await commands.cancelRequest(caller, id as BuildRequestId, params.reason);
      return null;
    }
    case "buildrequests set_priority": {
      const { priority } = parseParams(priorityParams, call.params);
      await commands.setPriority(caller, id as BuildRequestId, priority);
      return null;
    }
    case "schedulers enable": {
      const { enabled } = parseParams(enableParams, call.params);
      await commands.enableScheduler(caller, id as SchedulerId, enabled);
      return null;
    }
    case "changesources poll": {
      parseParams(noParams, call.params);
      await commands.pollNow(caller, id as ChangeSourceId);
      return null;
    }
    default: {
      const params = parseParams(workerParams, call.params);
      const action = WORKER_ACTIONS[call.method as keyof typeof WORKER_ACTIONS];
      const changed = await fleet.control(caller, [id as WorkerId], action, params.reason);
      if (changed.length === 0) throw new AppError("request.not-found", { what: "worker" });
      return null;
    }
  }
}

/** The object's id, once it is clear that the asker may do this to it. */
async function find(tx: Queryable, target: Target, call: Call, asker: Asker): Promise<number> {
  if (target.resource === "schedulers") {
    asker.mustBeAbleTo("schedulers");
    return idOf(tx, target);
  }
  if (target.resource === "changesources") {
    asker.mustBeAbleTo("force");
    return idOf(tx, target);
  }
  if (target.resource === "workers") {
    asker.mustBeAbleTo("workers");
    return idOf(tx, target);
  }
  if (call.method === "rebuild") {
    asker.mustBeAbleTo("rebuild");
    return ofAllowedBuilder(tx, target, asker, "rebuild");
  }
  if (asker.can("stop-any")) {
    asker.mustBeAbleTo("stop-any");
    return ofAllowedBuilder(tx, target, asker, "stop-any");
  }
  asker.mustBeAbleTo("stop-own");
  const id = await idOf(tx, target);
  const request = requestOf(target);
  const [row] = await tx.rows<{ owner: string | null }>(
    `select s.owner from build_request r join buildset s on s.id = r.buildset_id
     where r.id = ${request}::bigint`,
    [id],
  );
  if (row?.owner !== asker.actor) asker.mustBeAbleTo("stop-any");
  return id;
}

const requestOf = ({ resource }: Target): string =>
  resource === "builds" ? "(select build_request_id from build where id = $1)" : "$1";

/** The object's id; whoever may do this to some builders' builds only is asked about this one's. */
async function ofAllowedBuilder(
  tx: Queryable,
  target: Target,
  asker: Asker,
  action: "rebuild" | "stop-any",
): Promise<number> {
  const id = await idOf(tx, target);
  if (!asker.isLimited) return id;
  const [row] = await tx.rows<{ name: string }>(
    `select b.name from build_request r join builder b on b.id = r.builder_id
     where r.id = ${requestOf(target)}::bigint`,
    [id],
  );
  asker.mustBeAbleTo(action, row?.name ?? "");
  return id;
}
