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
 *  - the connection is lost: RETRY, the request waits again. But a build whose worker keeps what it
 *    has begun is left waiting for it, and carried on by whoever holds its next connection: results
 *    and properties stand in the database, and the step that ran is run again from its beginning over
 *    what the worker says again (HOUSE, Ownership 8);
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
import type { LogId, OrgId, SessionId, StepId } from "../../domain/ids";
import { type Properties, secretsIn } from "../../domain/properties";
import { quarantineAlarm } from "../../fleet";
import type { OpenLog } from "../../logs";
import {
  type CloseReason,
  type Keeping,
  SessionLost,
  type WorkerSession,
} from "../../protocols/contract";
import type { SecretReader } from "../../secrets/contract";
import type { Steps } from "../../steps/contract";
import { acquire } from "../locks/acquire";
import type { LocksMoved } from "../locks/locks-moved";
import { giveUp } from "../recover/abandon";
import { awaitWorker } from "../recover/await-worker";
import { builddirOf, buildProperties, workerInfo } from "./build-properties";
import { type BuildKeys, beginBuild, finishBuild, nextStep, type StepEnd } from "./build-store";
import { message, summaryOf } from "./build-summary";
import { BuildValues } from "./build-values";
import { conductOf } from "./conduct";
import { keeperOf } from "./keeper";
import {
  type Begun,
  type BuilderConfig,
  type BuildToRun,
  haveSecretsChanged,
  loadStopRequests,
  type StopRequest,
} from "./load-build";
import { type Planned, planSteps, prepareStep } from "./prepare-step";
import { type LogToOpen, notRun, type RunStepEnd, runStep, type Turn } from "./run-step";

/** A worker not heard of for this long is asked for a sign of life before it gets a build. */
const SILENCE_MS = 10_000;
const PING_MS = 10_000;
/** A request hardly reaches the distributor in less: one hop of the queue. */
const HOP_MS = 10;
/** A connection that ends so comes never again. */
const FOR_GOOD: ReadonlySet<CloseReason["code"]> = new Set(["dropped-by-us", "worker-left"]);

export interface RunContext {
  readonly db: Queryable;
  readonly actor: string;
  readonly steps: Steps;
  readonly secrets: SecretReader;
  /** Where people reach us, without a slash at its end. */
  readonly publicUrl: string;
  readonly nextLogId: () => Promise<LogId>;
  readonly openLog: (build: BuildToRun, log: LogToOpen) => OpenLog;
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
  /** Tells when locks were let go. */
  readonly locksMoved: LocksMoved;
  /** Requests of the organisation may find what they wait for. */
  readonly wake: (orgId: OrgId) => void;
  /** Retries through an outage of the database; rejects with StaleState or when fenced. */
  readonly insist: <T>(what: string, work: () => Promise<T>) => Promise<T>;
}

export interface RunningBuild {
  stop(request: StopRequest): void;
  /** It is not ours any more: what runs on the worker is interrupted, nothing more is begun. */
  abandon(reason: string): void;
  /** It has begun, and goes on over another connection if this one is lost. */
  readonly isKept: boolean;
  /** Settles when the build is finished or not ours any more. Never rejects. */
  readonly done: Promise<{ readonly moreWaits: boolean }>;
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
    get isKept() {
      return run.isKept;
    },
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
  readonly #keeper: string | null;
  #closed: CloseReason | null = null;
  #hasBegun = false;
  /** The step that runs was begun before, and has not come to where it was yet. */
  #isReplaying = false;
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
    this.#keeper = keeperOf(build.facts);
    void session?.closed.then((reason) => {
      this.#closed = reason;
    });
    const { orgId, buildId, ownerId, ownerEpoch, requestId, buildsetId } = build;
    this.#keys = {
      orgId,
      fence: { buildId, ownerId, ownerEpoch },
      requestId,
      buildsetId,
      actor: context.actor,
    };
  }

  get isKept(): boolean {
    return this.#hasBegun && this.#keeper !== null && this.#stop === null;
  }

  stop(request: StopRequest): void {
    if (this.#stop) return;
    this.#stop = request;
    if (!this.#isReplaying) this.#abort.abort(request.reason);
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
    const { config, begun } = this.#build;
    if (begun) return this.#carryOn(begun);
    if (this.#stop) return this.#finish("preparing", null, null);
    if (!this.#session || !(await this.#isAlive(this.#session))) return this.#goneBefore();
    if (this.#stop) return this.#finish("preparing", null, null);
    try {
      if (!config) throw new Error("the stored configuration of the builder cannot be read");
      this.#values = await this.#know(config, buildProperties(this.#build));
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
  async #know(config: BuilderConfig, properties: Properties): Promise<BuildValues> {
    const build = this.#build;
    const { facts, orgId, buildId } = build;
    const names = secretsIn([config.steps, config.env]);
    const found = await this.#insist("secrets of a build", () =>
      this.#context.secrets.read({ orgId, names, reader: `build ${buildId}`, enrol: () => {} }),
    );
    const { system, basedir, version, workerCommands: commands, environ } = facts;
    return new BuildValues({
      properties,
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
    const first = this.#nextTurn(values, -1, false);
    const ids = await this.#insist("begin of build", () =>
      beginBuild(this.#context.db, this.#keys, values.properties, this.#steps, this.#keeper, first),
    );
    this.#context.announceSoon();
    return this.#loop(session, values, ids, first, null);
  }

  /** Another process began it, or this one over another connection. */
  async #carryOn(begun: Begun): Promise<boolean> {
    const { config, sessionId, builderName, orgId } = this.#build;
    const session = this.#session;
    if (!session || sessionId === null) return this.#awaitWorker();
    if (!config) throw new Error("the stored configuration of the builder cannot be read");
    const names = secretsIn([config.steps, config.env]);
    const isOther = await this.#insist("secrets of a build", () =>
      haveSecretsChanged(this.#context.db, orgId, names, begun.startedAt),
    );
    if (isOther) return this.#abandonAs(RETRY, "a secret was changed while its worker was away");
    this.#values = await this.#know(config, begun.properties);
    this.#steps = planSteps(this.#context.steps, config.steps, this.#values);
    const isSame = this.#steps.length === begun.steps.length;
    if (!isSame) throw new Error("its steps are not those that it began with");
    try {
      await this.#context.serves(sessionId, builderName);
    } catch (error) {
      if (error instanceof SessionLost) return this.#awaitWorker();
      throw error;
    }
    let isHalted = begun.isStopOlder;
    begun.steps.forEach(({ state, result, summary }, index) => {
      if (state !== "finished" || !isResult(result)) return;
      isHalted = this.#weigh(result, summary, (this.#steps[index] as Planned).flags) || isHalted;
    });
    const index = begun.steps.findIndex(({ state }) => state === "running");
    const turn = index < 0 ? null : this.#turn(this.#values, index);
    const ids = begun.steps.map(({ stepId }) => stepId);
    return this.#loop(session, this.#values, ids, turn, begun, isHalted);
  }

  /** @param begun when the first of the turns is one that was begun before */
  async #loop(
    session: WorkerSession,
    values: BuildValues,
    ids: readonly StepId[],
    first: Turn | null,
    begun: Begun | null,
    wasHalted = false,
  ): Promise<boolean> {
    this.#hasBegun = true;
    let turn = first;
    let again = begun;
    let isHalted = wasHalted;
    let end: RunStepEnd | null = null;
    while (turn) {
      end = await this.#runStep(session, turn, ids[turn.index] as StepId, values, again);
      if (!end) return this.#awaitWorker();
      again = null;
      const halts = this.#weigh(end.result, end.summary, turn.flags);
      isHalted ||= halts || this.#stop !== null;
      const lost = end.commandEnds.find((each) => each.kind === "lost");
      if (lost) await this.#left();
      if (end.result === RETRY && !this.#stop) {
        const why = this.#closed
          ? "the connection to the worker was lost"
          : `the worker could not go on: ${lost?.message}`;
        return this.#retry("running", lost ? why : end.summary, end);
      }
      turn = lost ? null : this.#nextTurn(values, turn.index, isHalted);
      if (!turn) break;
      const next = {
        stepId: ids[turn.index] as StepId,
        description: turn.description,
        isStopping: this.#stop !== null,
        properties: values.changed,
      };
      const ended = end;
      const freed = await this.#insist("next step", () =>
        nextStep(this.#context.db, this.#keys, ended, next),
      );
      if (freed) this.#context.wake(this.#build.orgId);
      values.stored();
      this.#context.announceSoon();
      end = null;
    }
    return this.#finish("running", end, null);
  }

  /** What a step makes of the build. @returns whether it halts it */
  #weigh(result: Result, summary: string, flags: Turn["flags"]): boolean {
    const part = contribution(result, flags);
    this.#result = worst(this.#result, part.result);
    if (part.result !== SUCCESS) this.#failures.push(summary);
    return part.halts;
  }

  /** The next step whose turn it is, rendered over what is known now. */
  #nextTurn(values: BuildValues, after: number, isHalted: boolean): Turn | null {
    for (let index = after + 1; index < this.#steps.length; index += 1) {
      const { flags } = this.#steps[index] as Planned;
      if (isHalted && !flags.alwaysRun) continue;
      const turn = this.#turn(values, index);
      if (turn.step.doStepIf) return turn;
    }
    return null;
  }

  #turn(values: BuildValues, index: number): Turn {
    const planned = this.#steps[index] as Planned;
    const step = prepareStep(this.#context.steps, planned, values);
    const description = values.redact(step.description).slice(0, 500);
    return { index, step, flags: planned.flags, locks: planned.locks, description };
  }

  async #runStep(
    session: WorkerSession,
    turn: Turn,
    stepId: StepId,
    values: BuildValues,
    begun: Begun | null,
  ): Promise<RunStepEnd | null> {
    // Stopped after its turn was written: only a step that always runs still gets its chance.
    const isLate = begun === null && this.#stop !== null && !turn.flags.alwaysRun;
    if (this.#isAbandoned || isLate) return notRun(stepId, turn);
    this.#abort = new AbortController();
    const wasStopped = begun ? begun.isStopOlder : this.#stop !== null;
    this.#isReplaying = begun !== null && !wasStopped;
    const build = this.#build;
    const { openLog, nextLogId, log } = this.#context;
    const end = await runStep({
      turn,
      stepId,
      session,
      builderName: build.builderName,
      values,
      nextLogId: () => this.#insist("id of a log", nextLogId),
      openLog: (wanted) => openLog(build, wanted),
      storedLogs: begun?.logs ?? [],
      abort: this.#abort.signal,
      acquireLocks: () => this.#acquire(session, turn, stepId),
      stopOf: () => this.#stop,
      wasStopped,
      keeping: (ordinal) => this.#keeping(stepId, ordinal),
      isAwaiting: () => this.#isAwaiting(session),
      log: (text, fields) => log(text, { build: build.buildId, ...fields }),
    });
    this.#isReplaying = false;
    return end;
  }

  /** Waits for a step's locks. @returns false when it was stopped, or its worker lost, before */
  async #acquire(session: WorkerSession, turn: Turn, stepId: StepId): Promise<boolean> {
    const { locks, description } = turn;
    if (locks.length === 0) return true;
    const lost = new AbortController();
    void session.closed.then(() => lost.abort());
    const { db, locksMoved, insist, announceSoon: announce } = this.#context;
    const { workerId: id, workerName: name } = this.#build;
    const stop = AbortSignal.any([this.#abort.signal, lost.signal]);
    return acquire(
      { db, locksMoved, insist, announce },
      { keys: this.#keys, stepId, locks, description, worker: { id, name }, stop },
    );
  }

  /** The time is part of the name: a database that was restored may give its numbers once more. */
  #keeping(stepId: StepId, ordinal: number): Keeping | undefined {
    if (this.#keeper === null) return undefined;
    const { buildId, createdAt } = this.#build;
    return {
      key: { step: `${buildId}@${createdAt.getTime()}/${stepId}`, ordinal },
      found: (found) => {
        // What has ended is said again to its end, or its lines would not be those that are stored.
        if (found === "ended" || !this.#isReplaying) return;
        this.#isReplaying = false;
        if (this.#stop) this.#abort.abort(this.#stop.reason);
      },
    };
  }

  /** Whether the connection is gone, and its worker may come back with what it keeps. */
  async #isAwaiting(session: WorkerSession): Promise<boolean> {
    const isClosed = await Promise.race([session.closed.then(() => true), soon(false)]);
    if (!isClosed || this.#keeper === null || this.#stop || this.#isAbandoned) return false;
    return this.#closed !== null && !FOR_GOOD.has(this.#closed.code);
  }

  async #awaitWorker(): Promise<boolean> {
    const reason = this.#closed
      ? `the connection was lost: ${this.#closed.message}`
      : "the connection was lost";
    await this.#insist("wait for a worker", () =>
      awaitWorker(this.#context.db, this.#keys.fence, this.#context.actor, reason),
    );
    return false;
  }

  async #abandonAs(result: typeof RETRY, reason: string): Promise<boolean> {
    const { db, actor } = this.#context;
    await this.#insist("end of a build", () => giveUp(db, this.#keys.fence, actor, result, reason));
    return true;
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
