/**
 * One build, from `preparing` to `finished`, in the process that holds its worker's connection.
 *
 * The worker is asked for a sign of life if it has been silent; the build begins with its first
 * step; steps run one at a time; a step that halts the build leaves only those that always run.
 * Intent is written before the worker is told anything, so what happened on the worker is always
 * known to the database.
 *
 * Three things may end it early:
 *  - somebody stops it: the running command is interrupted, steps that always run still run;
 *  - the connection is lost: RETRY, the request waits again;
 *  - this process is fenced, or somebody took the build over: nothing more is written.
 *
 * Whatever goes wrong on our own side, the build is ended: one that nobody runs would block its
 * worker's place for ever.
 */

import { setImmediate as soon } from "node:timers/promises";
import { Fenced } from "../../db/insist";
import type { Queryable } from "../../db/pool";
import { StaleState } from "../../db/transition";
import {
  CANCELLED,
  contribution,
  EXCEPTION,
  isResult,
  RETRY,
  type Result,
  SUCCESS,
  worst,
} from "../../domain/builds";
import type { LogId, SessionId, StepId } from "../../domain/ids";
import { secretsIn } from "../../domain/properties";
import type { CommandEnd } from "../../domain/wire";
import { quarantineAlarm } from "../../fleet";
import type { OpenLog, PreparedChunks, Redactor } from "../../logs";
import { SessionLost, type WorkerSession } from "../../protocols/contract";
import type { SecretReader } from "../../secrets/contract";
import type { Step, StepOutcome, Steps } from "../../steps/contract";
import { giveUp } from "../recover/abandon";
import { builddirOf, buildProperties, workerInfo } from "./build-properties";
import { type BuildKeys, beginBuild, finishBuild, nextStep, type StepEnd } from "./build-store";
import { interrupted, message, summaryOf } from "./build-summary";
import { BuildValues } from "./build-values";
import { conductOf } from "./conduct";
import {
  type BuilderConfig,
  type BuildToRun,
  loadStopRequests,
  type StopRequest,
} from "./load-build";
import { type Planned, planSteps, prepareStep } from "./prepare-step";
import { stepContext } from "./step-context";
import { createStepLogs, type StepLogs } from "./step-logs";

/** A worker not heard of for this long is asked for a sign of life before it gets a build. */
const SILENCE_MS = 10_000;
const PING_MS = 10_000;
/** A request hardly reaches the distributor in less: one hop of the queue. */
const HOP_MS = 10;

export interface RunContext {
  readonly db: Queryable;
  readonly actor: string;
  readonly steps: Steps;
  readonly secrets: SecretReader;
  /** Where people reach us, without a slash at its end. */
  readonly publicUrl: string;
  readonly nextLogId: () => Promise<LogId>;
  readonly openLog: (
    build: BuildToRun,
    log: {
      logId: LogId;
      stepId: StepId;
      name: string;
      slug: string;
      type: "s" | "t";
      redactor: Redactor | null;
    },
  ) => OpenLog;
  /** The worker is told of this builder unless it knows it. Rejects like `WorkerSession.serve`. */
  readonly serves: (session: SessionId, builderName: string) => Promise<void>;
  /** Settles when a session whose connection is gone is ended in the database too. */
  readonly left: (session: SessionId) => Promise<void>;
  /** Tell others that the outbox has news, at once or with whatever is told next. */
  readonly announce: () => void;
  readonly announceSoon: () => void;
  /** Somebody should look at the fleet's deadlines then; of alarms with one id one is enough. */
  readonly alarm: (id: string, afterMs: number) => void;
  readonly log: (message: string, fields: Record<string, unknown>) => void;
  /** Retries through an outage of the database; rejects with StaleState or when fenced. */
  readonly insist: <T>(what: string, work: () => Promise<T>) => Promise<T>;
}

export interface RunningBuild {
  stop(request: StopRequest): void;
  /** It is not ours any more: what runs on the worker is interrupted, nothing more is begun. */
  abandon(reason: string): void;
  /** Settles when the build is finished or not ours any more. Never rejects. */
  readonly done: Promise<{ readonly moreWaits: boolean }>;
}

interface RunStepEnd extends StepEnd {
  readonly commandEnds: readonly CommandEnd[];
}

/** A step whose turn it is. */
interface Turn {
  readonly index: number;
  readonly step: Step;
  readonly flags: Planned["flags"];
  readonly description: string;
}

export function runBuild(
  context: RunContext,
  build: BuildToRun,
  session: WorkerSession | null,
): RunningBuild {
  const run = new BuildRun(context, build, session);
  return {
    stop: (request) => run.stop(request),
    abandon: (reason) => run.abandon(reason),
    done: run.toTheEnd(),
  };
}

class BuildRun {
  readonly #context: RunContext;
  readonly #build: BuildToRun;
  readonly #session: WorkerSession | null;
  readonly #keys: BuildKeys;
  #stop: StopRequest | null;
  #isAbandoned = false;
  /** Of the step that runs now. */
  #abort = new AbortController();
  #values: BuildValues | null = null;
  #steps: readonly Planned[] = [];
  #result: Result = SUCCESS;
  #failures: string[] = [];
  /** Its worker did not answer when it was to begin. */
  #isUnanswered = false;

  constructor(context: RunContext, build: BuildToRun, session: WorkerSession | null) {
    this.#context = context;
    this.#build = build;
    this.#session = session;
    this.#stop = build.stop;
    const { orgId, buildId, ownerId, ownerEpoch, requestId, buildsetId } = build;
    this.#keys = {
      orgId,
      fence: { buildId, ownerId, ownerEpoch },
      requestId,
      buildsetId,
      actor: context.actor,
    };
  }

  stop(request: StopRequest): void {
    if (this.#stop) return;
    this.#stop = request;
    this.#abort.abort(request.reason);
  }

  abandon(reason: string): void {
    this.#isAbandoned = true;
    this.#abort.abort(reason);
  }

  async toTheEnd(): Promise<{ moreWaits: boolean }> {
    try {
      return { moreWaits: await this.#run() };
    } catch (error) {
      if (!(error instanceof Fenced)) await this.#giveUp(error);
      return { moreWaits: true };
    } finally {
      this.#context.announce();
    }
  }

  /**
   * Usually the build is not ours any more, and nothing happens. But it may be that a write of ours
   * had succeeded unheard, so that its repetition was refused, or that something broke on our side.
   */
  async #giveUp(error: unknown): Promise<void> {
    const { log, db, actor } = this.#context;
    const { buildId } = this.#build;
    const isStale = error instanceof StaleState;
    log(isStale ? "build is not ours any more" : "build failed here", { build: buildId, error });
    const result = isStale ? RETRY : EXCEPTION;
    const reason = isStale
      ? "it could not be known what was written of it"
      : `it could not be carried on: ${message(error)}`;
    try {
      await this.#insist("end of a build that failed here", () =>
        giveUp(db, this.#keys.fence, actor, result, reason),
      );
    } catch (failure) {
      log("build not ended", { build: buildId, error: failure });
    }
  }

  async #run(): Promise<boolean> {
    const { config } = this.#build;
    if (this.#stop) return this.#finish("preparing", null, null);
    if (!this.#session || !(await this.#isAlive(this.#session))) return this.#goneBefore();
    if (this.#stop) return this.#finish("preparing", null, null);
    try {
      if (!config) throw new Error("the stored configuration of the builder cannot be read");
      this.#values = await this.#know(config);
      this.#steps = planSteps(this.#context.steps, config.steps, this.#values);
    } catch (error) {
      if (error instanceof Fenced) throw error;
      return this.#except(`its steps could not be made: ${message(error)}`);
    }
    try {
      const { sessionId, builderName } = this.#build;
      if (sessionId !== null) await this.#context.serves(sessionId, builderName);
    } catch (error) {
      if (error instanceof SessionLost) return this.#goneBefore();
      return this.#except(`the worker does not take the builder: ${message(error)}`);
    }
    return this.#runSteps(this.#session, this.#values);
  }

  /** Hidden values are read once, and known to the redaction before anything is printed. */
  async #know(config: BuilderConfig): Promise<BuildValues> {
    const build = this.#build;
    const { facts, orgId, buildId } = build;
    const names = secretsIn([config.steps, config.env]);
    const found = await this.#insist("secrets of a build", () =>
      this.#context.secrets.read({ orgId, names, reader: `build ${buildId}`, enrol: () => {} }),
    );
    const { system, basedir, version, workerCommands: commands, environ } = facts;
    return new BuildValues({
      properties: buildProperties(build),
      sourceStamps: build.sourceStamps,
      worker: { system, basedir, version, commands, environ },
      builddir: builddirOf(build),
      workerInfo: workerInfo(build),
      urlForBuild: `${this.#context.publicUrl}/${build.orgSlug}/builders/${build.builderId}/builds/${build.number}`,
      env: config.env,
      secrets: new Map([...found].map(([name, secret]) => [name, secret.reveal()])),
    });
  }

  async #runSteps(session: WorkerSession, values: BuildValues): Promise<boolean> {
    let turn = this.#nextTurn(values, -1, false);
    const ids = await this.#insist("begin of build", () =>
      beginBuild(this.#context.db, this.#keys, values.properties, this.#steps, turn),
    );
    this.#context.announceSoon();
    let isHalted = false;
    let end: RunStepEnd | null = null;
    while (turn) {
      end = await this.#runStep(session, turn, ids[turn.index] as StepId, values);
      const part = contribution(end.result, turn.flags);
      this.#result = worst(this.#result, part.result);
      if (part.result !== SUCCESS) this.#failures.push(end.summary);
      isHalted ||= part.halts || this.#stop !== null;
      const isLost = end.commandEnds.some(({ kind }) => kind === "lost");
      if (isLost) await this.#left();
      if (end.result === RETRY && !this.#stop) {
        const why = isLost ? "the connection to the worker was lost" : end.summary;
        return this.#retry("running", why, end);
      }
      turn = isLost ? null : this.#nextTurn(values, turn.index, isHalted);
      if (!turn) break;
      const next = {
        stepId: ids[turn.index] as StepId,
        description: turn.description,
        isStopping: this.#stop !== null,
        properties: values.changed,
      };
      const ended = end;
      await this.#insist("next step", () => nextStep(this.#context.db, this.#keys, ended, next));
      values.stored();
      this.#context.announceSoon();
      end = null;
    }
    return this.#finish("running", end, null);
  }

  /** The next step whose turn it is, rendered over what is known now. */
  #nextTurn(values: BuildValues, after: number, isHalted: boolean): Turn | null {
    for (let index = after + 1; index < this.#steps.length; index += 1) {
      const planned = this.#steps[index] as Planned;
      const { flags } = planned;
      if (isHalted && !flags.alwaysRun) continue;
      const step = prepareStep(this.#context.steps, planned, values);
      if (!step.doStepIf) continue;
      return { index, step, flags, description: values.redact(step.description).slice(0, 500) };
    }
    return null;
  }

  async #runStep(
    session: WorkerSession,
    { step, flags, description }: Turn,
    stepId: StepId,
    values: BuildValues,
  ): Promise<RunStepEnd> {
    // Stopped after its turn was written: only a step that always runs still gets its chance.
    if (this.#isAbandoned || (this.#stop && !flags.alwaysRun)) {
      const summary = `${description} (cancelled)`;
      return { stepId, result: CANCELLED, summary, commandEnds: [], logs: [] };
    }
    this.#abort = new AbortController();
    const wasStopped = this.#stop !== null;
    const { openLog } = this.#context;
    const { redactor } = values;
    const nextLogId = () => this.#insist("id of a log", this.#context.nextLogId);
    const logs = createStepLogs({
      firstId: await nextLogId(),
      nextId: nextLogId,
      open: (logId, name, slug, type) =>
        openLog(this.#build, { logId, stepId, name, slug, type, redactor }),
    });
    const ends: CommandEnd[] = [];
    const header = (text: string) => void logs.output("header", Buffer.from(text));
    let outcome: StepOutcome;
    try {
      const { builderName } = this.#build;
      const stop = this.#abort.signal;
      outcome = await step.run(stepContext({ session, builderName, values, logs, stop, ends }));
      if (this.#stop && !wasStopped) {
        header(`stopped: ${this.#stop.reason || "no reason given"}\n`);
        outcome = { ...outcome, result: interrupted(outcome.result) };
      }
    } catch (error) {
      const reason = values.redact(message(error));
      this.#context.log("step threw", { build: this.#build.buildId, reason });
      header(`the step could not be run: ${reason}\n`);
      outcome = { result: EXCEPTION, summary: `${description} (exception)` };
    }
    return {
      stepId,
      result: outcome.result,
      summary: values.redact(outcome.summary).slice(0, 500),
      commandEnds: ends,
      logs: await closeLogs(logs),
    };
  }

  async #isAlive(session: WorkerSession): Promise<boolean> {
    if (Date.now() - session.lastHeardAt < SILENCE_MS || (await session.ping(PING_MS))) return true;
    // A connection that is gone is lost; one that is there and silent is the worker's fault.
    const isGone = session.closed.then(() => true);
    this.#isUnanswered = !(await Promise.race([isGone, soon(false)]));
    session.close({ code: "timeout", message: "did not answer before a build" });
    return false;
  }

  async #goneBefore(): Promise<boolean> {
    await this.#left();
    const why = this.#isUnanswered
      ? "the worker did not answer before the build"
      : "the worker was gone before the build began";
    return this.#retry("preparing", why, null);
  }

  /** The request must not wait again while its worker still counts as connected. */
  async #left(): Promise<void> {
    const { sessionId } = this.#build;
    if (sessionId !== null) await this.#context.left(sessionId);
  }

  async #retry(
    from: "preparing" | "running",
    reason: string,
    step: StepEnd | null,
  ): Promise<boolean> {
    this.#result = RETRY;
    this.#failures = [reason];
    return this.#finish(from, step, reason);
  }

  async #except(reason: string): Promise<boolean> {
    this.#result = EXCEPTION;
    this.#failures = [reason];
    return this.#finish("preparing", null, reason);
  }

  async #finish(
    from: "preparing" | "running",
    step: StepEnd | null,
    why: string | null,
  ): Promise<boolean> {
    try {
      return await this.#finishOnce(from, step, why);
    } catch (error) {
      if (!(error instanceof StaleState) || this.#stop) throw error;
      // Somebody may have wanted it stopped meanwhile, and was not heard yet.
      const { db } = this.#context;
      const { ownerId, buildId } = this.#build;
      const requests = await this.#insist("stop of build", () => loadStopRequests(db, ownerId));
      this.#stop = requests.find((request) => request.buildId === buildId) ?? null;
      if (!this.#stop) throw error;
      return this.#finishOnce(from, step, null);
    }
  }

  async #finishOnce(
    from: "preparing" | "running",
    step: StepEnd | null,
    why: string | null,
  ): Promise<boolean> {
    const stop = this.#stop;
    let result = this.#result;
    if (stop) result = worst(isResult(stop.result) ? stop.result : CANCELLED, result);
    if (stop && result === RETRY && stop.result !== RETRY) result = CANCELLED;
    const summary = stop
      ? `stopped by ${stop.by}${stop.reason ? `: ${stop.reason}` : ""}`
      : summaryOf(result, this.#failures);
    const reason = why ?? summary;
    const unlessStopped = result === RETRY && !stop;
    const conduct = conductOf({
      result,
      reason,
      isPrepared: from === "running",
      stop,
      isUnanswered: this.#isUnanswered,
    });
    const begunAt = performance.now();
    const { moreWaits, quarantine } = await this.#insist("end of build", () =>
      finishBuild(this.#context.db, this.#keys, {
        from,
        result,
        summary,
        reason,
        step,
        properties: this.#values?.changed ?? null,
        conduct,
        unlessStopped,
      }),
    );
    if (quarantine) this.#context.alarm(...quarantineAlarm(quarantine));
    // A request that came while this was being written found the worker busy and was not seen
    // here: possible only when writing took longer than its hop to the distributor.
    return moreWaits || performance.now() - begunAt > HOP_MS;
  }

  #insist<T>(what: string, work: () => Promise<T>): Promise<T> {
    return this.#context.insist(what, work);
  }
}

async function closeLogs(logs: StepLogs): Promise<PreparedChunks[]> {
  try {
    return await logs.close();
  } catch (error) {
    logs.discard();
    throw error;
  }
}
