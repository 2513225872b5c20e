/**
 * What a build writes while it runs. Neighbouring changes share one statement: the build begins
 * together with its first step; a step's end, its logs and the next step's start are one; the last
 * step, the build, its request and its buildset end together.
 */

import { jsonText } from "../../db/json-text";
import type { Queryable } from "../../db/pool";
import { Batch, Expression, type Fence } from "../../db/transition";
import { type BuildState, RETRY, type Result } from "../../domain/builds";
import type { BuildId, BuildRequestId, BuildsetId, OrgId, StepId } from "../../domain/ids";
import type { Properties } from "../../domain/properties";
import { absolve, type Quarantine, quarantine } from "../../fleet";
import { addFinalChunks, type PreparedChunks } from "../../logs";
import { endPreparation } from "../latent/preparation";
import { dropLocks } from "../locks/own-locks";
import type { Conduct } from "./conduct";

export interface BuildKeys {
  readonly orgId: OrgId;
  readonly fence: Fence;
  readonly requestId: BuildRequestId;
  readonly buildsetId: BuildsetId;
  /** For the history. */
  readonly actor: string;
}

export interface StepRow {
  readonly name: string;
  readonly isHidden: boolean;
}

/** What a build begins with, besides itself. */
export interface Beginning {
  readonly steps: readonly StepRow[];
  readonly keeper: string | null;
  readonly first: { readonly index: number; readonly description: string } | null;
  /** It waited for a machine before, which is a step of its own. */
  readonly wasPrepared: boolean;
}

export interface StepEnd {
  readonly stepId: StepId;
  readonly result: Result;
  readonly summary: string;
  readonly commandEnds: readonly unknown[];
  readonly logs: readonly PreparedChunks[];
  /** It held locks of its own. */
  readonly hadLocks?: boolean;
}

const NOW = new Expression("now()");

/** preparing → running, with all its steps; the first begins. @returns the steps' ids in order */
export async function beginBuild(
  q: Queryable,
  keys: BuildKeys,
  properties: Properties,
  { steps, keeper, first, wasPrepared }: Beginning,
): Promise<StepId[]> {
  const { buildId } = keys.fence;
  const why = { actor: keys.actor, reason: "the worker is ready" };
  const batch = new Batch(keys.orgId).fenced(keys.fence);
  batch.move("build", "build", buildId, {
    ...why,
    from: "preparing",
    to: "running",
    set: {
      started_at: NOW,
      properties: jsonText(properties),
      keeper,
      state_string: first?.description ?? "building",
    },
    event: "builds/{id}/update",
    body: { builderId: "builder_id", state: "state" },
  });
  batch.with(
    "in_time",
    `delete from deadline where kind = 'build-preparing' and subject_id = ${batch.value(buildId, "bigint")}`,
  );
  if (wasPrepared) endPreparation(batch, batch.value(buildId, "bigint"), keys.actor);
  steps.forEach((step, index) => {
    const isFirst = index === first?.index;
    batch.create(
      `step${index}`,
      "step",
      isFirst ? "running" : "pending",
      {
        build_id: buildId,
        number: index + Number(wasPrepared),
        name: step.name,
        state_string: isFirst ? first.description : "waiting",
        is_hidden: step.isHidden,
        started_at: isFirst ? NOW : null,
      },
      {
        ...why,
        ...(isFirst ? { event: "steps/{id}/started", body: { buildId: "build_id" } } : {}),
      },
    );
  });
  const ids = await batch.commit(q);
  return steps.map((_, index) => ids[`step${index}`] as StepId);
}

/** One step ends and another begins. @returns whether locks were let go that others may wait for */
export async function nextStep(
  q: Queryable,
  keys: BuildKeys,
  end: StepEnd,
  next: {
    readonly stepId: StepId;
    readonly description: string;
    /** The build was stopped; this is a step that runs nevertheless. */
    readonly isStopping: boolean;
    /** All of them, when the step that ends changed some. */
    readonly properties: Properties | null;
  },
): Promise<boolean> {
  const batch = new Batch(keys.orgId).fenced(keys.fence);
  endStep(batch, keys, end);
  if (end.hadLocks) dropLocks(batch, `step_id = ${batch.value(end.stepId, "bigint")}`);
  batch.move("next", "step", next.stepId, {
    from: "pending",
    to: "running",
    set: { started_at: NOW, state_string: next.description },
    reason: "the step before it ended",
    actor: keys.actor,
    event: "steps/{id}/started",
    body: { buildId: "build_id" },
  });
  if (next.isStopping) {
    // It obeys; from here on its steps' own limits count.
    batch.with(
      "obeyed",
      `delete from deadline where kind = 'build-stopping' and subject_id = ${batch.value(keys.fence.buildId, "bigint")}`,
    );
  }
  batch.with(
    "telling",
    `update build set state_string = ${batch.value(next.description)}${
      next.properties ? `, properties = ${batch.value(jsonText(next.properties), "jsonb")}` : ""
    } where id = ${batch.value(keys.fence.buildId)}`,
  );
  const { freed = false } = await batch.commit<{ freed?: boolean }>(q);
  return freed;
}

export interface BuildEnd {
  readonly from: BuildState;
  readonly result: Result;
  readonly summary: string;
  readonly reason: string;
  /** The step that was running, if one was. */
  readonly step: StepEnd | null;
  /** All of them, when that step changed some. */
  readonly properties: Properties | null;
  readonly conduct: Conduct;
  /** Refuse (`StaleState`) when somebody wants the build stopped: RETRY would undo that. */
  readonly unlessStopped: boolean;
}

/**
 * The build is over: steps that never ran are skipped, the request is done (or waits again after
 * RETRY), the buildset may be complete, and the worker is in quarantine if it misbehaved.
 */
export async function finishBuild(
  q: Queryable,
  keys: BuildKeys,
  end: BuildEnd,
): Promise<FinishedBuild> {
  const { buildId } = keys.fence;
  const why = { actor: keys.actor, reason: end.reason };
  const isRetry = end.result === RETRY;
  const batch = new Batch(keys.orgId).fenced(keys.fence);
  // The order of the history: the step ends, then the build.
  if (end.step) endStep(batch, keys, end.step);
  batch.move("build", "build", buildId, {
    ...why,
    from: end.from,
    to: "finished",
    set: {
      result: end.result,
      state_string: end.summary,
      complete_at: NOW,
      ...(end.properties ? { properties: jsonText(end.properties) } : {}),
    },
    ...(end.unlessStopped ? { where: "stop_requested_at is null" } : {}),
    event: "builds/{id}/finished",
    body: { builderId: "builder_id", workerId: "worker_id", number: "number", result: "result" },
  });
  const ofBuild = `build_id = ${batch.value(buildId, "bigint")}`;
  // Of a build that did not begin, what it waited in ends with it.
  if (end.from === "preparing") {
    batch.moveAll("unprepared", "step", `${ofBuild} and is_preparation`, {
      ...{ ...why, from: "running", to: "finished" },
      set: { result: end.result, state_string: end.reason, complete_at: NOW },
      event: "steps/{id}/finished",
      body: { buildId: "build_id", result: "result" },
    });
    batch.moveAll("unprepared_logs", "log", "step_id in (select id from unprepared)", {
      ...{ ...why, from: "open", to: "finished" },
      event: "logs/{id}/finished",
      body: { buildId: "build_id", stepId: "step_id", lines: "line_count" },
    });
  }
  batch.moveAll("skipped", "step", ofBuild, {
    from: "pending",
    to: "skipped",
    set: { result: 3, state_string: "skipped" },
    reason: "the build ended before its turn",
    actor: keys.actor,
  });
  settle(batch, { ...keys, buildId, result: end.result }, why);
  batch.returning(
    "waiting",
    `exists (select from build_request where org_id = ${batch.value(keys.orgId, "bigint")} and state = 'pending')`,
  );
  const { conduct } = end;
  if (conduct.kind === "misbehaved") quarantine(batch, "build", conduct.reason, keys.actor);
  if (conduct.kind === "behaved") absolve(batch, "build");
  const row = await batch.commit<{ waiting: boolean; quarantine?: Quarantine | null }>(q);
  return { moreWaits: row.waiting || isRetry, quarantine: row.quarantine ?? null };
}

export interface FinishedBuild {
  /** Requests of the organisation wait, so that the distributor must be woken. */
  readonly moreWaits: boolean;
  readonly quarantine: Quarantine | null;
}

/** What a finished build means for its deadlines, its request and its buildset. */
export function settle(
  batch: Batch,
  build: {
    readonly buildId: BuildId;
    readonly requestId: BuildRequestId;
    readonly buildsetId: BuildsetId;
    readonly result: Result;
  },
  why: { readonly reason: string; readonly actor: string },
): void {
  const { buildId, requestId, buildsetId, result } = build;
  batch.with(
    "deadlines",
    `delete from deadline where kind in ('build-preparing', 'build-stopping', 'build-awaiting') and subject_id = ${batch.value(buildId, "bigint")}`,
  );
  dropLocks(batch, `build_id = ${batch.value(buildId, "bigint")}`);
  if (result === RETRY) {
    batch.move("request", "build_request", requestId, {
      ...why,
      from: "claimed",
      to: "pending",
      set: { claimed_at: null },
      event: "buildrequests/{id}/unclaimed",
      body: { builderId: "builder_id" },
    });
    return;
  }
  batch.move("request", "build_request", requestId, {
    ...why,
    from: "claimed",
    to: "done",
    set: { result, complete_at: NOW },
    event: "buildrequests/{id}/complete",
    body: { builderId: "builder_id", result: "result" },
  });
  countDown(batch, buildsetId, result);
}

/** One request of a buildset less; the last completes it (C-062). */
export function countDown(batch: Batch, buildsetId: BuildsetId, result: Result): void {
  const value = batch.value(result, "smallint");
  batch.with(
    "buildset",
    `update buildset set open_requests = open_requests - 1, worst_result = worse_result(worst_result, ${value}),
       complete_at = case when open_requests = 1 then now() end,
       result = case when open_requests = 1 then worse_result(worst_result, ${value}) end
     where id = ${batch.value(buildsetId, "bigint")} and open_requests > 0 returning *`,
  );
  batch.tell(
    "buildset",
    "buildsets/{id}/complete",
    { result: "result" },
    "complete_at is not null",
  );
}

function endStep(batch: Batch, keys: BuildKeys, end: StepEnd): void {
  batch.move("step", "step", end.stepId, {
    from: "running",
    to: "finished",
    set: {
      result: end.result,
      state_string: end.summary,
      complete_at: NOW,
      command_ends: jsonText(end.commandEnds),
    },
    reason: end.summary,
    actor: keys.actor,
    event: "steps/{id}/finished",
    body: { buildId: "build_id", result: "result" },
  });
  end.logs.forEach((log, index) => {
    batch.closeLog(`log${index}`, log, { reason: "its step ended", actor: keys.actor });
    addFinalChunks(batch, `chunks${index}`, log);
  });
}
