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
import { StaleState } from "../../db/transition";
import { EXCEPTION, isResult, RETRY } from "../../domain/builds";
import type { StepId } from "../../domain/ids";
import { type Properties, secretsIn } from "../../domain/properties";
import { quarantineAlarm } from "../../fleet";
import { type CloseReason, SessionLost, type WorkerSession } from "../../protocols/contract";
import { PREPARATION } from "../latent/preparation";
import { giveUp } from "../recover/abandon";
import { awaitWorker, isLetGo } from "../recover/await-worker";
import { buildProperties } from "./build-properties";
import { type BuildKeys, beginBuild, finishBuild, nextStep, type StepEnd } from "./build-store";
import { message } from "./build-summary";
import type { BuildValues } from "./build-values";
import { conductOf } from "./conduct";
import { keeperOf } from "./keeper";
import { knowBuild } from "./know-build";
import {
  type Begun,
  type BuilderConfig,
  type BuildToRun,
  haveSecretsChanged,
  isGoing,
  loadStopRequests,
  type StopRequest,
} from "./load-build";
import { Outcome } from "./outcome";
import { type Planned, planSteps } from "./prepare-step";
import type { RunContext, RunningBuild } from "./run-context";
import type { RunStepEnd, Turn } from "./run-step";
import { StepRunner } from "./step-runner";

/** A worker not heard of for this long is asked for a sign of life before it gets a build. */
const SILENCE_MS = 10_000;
const PING_MS = 10_000;
/** A request hardly reaches the distributor in less: one hop of the queue. */
const HOP_MS = 10;
/** A connection that ends so comes never again. */
const FOR_GOOD: ReadonlySet<CloseReason["code"]> = new Set(["dropped-by-us", "worker-left"]);

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
  #values: BuildValues | null = null;
  #steps: StepRunner | null = null;
  readonly #outcome = new Outcome();
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
    const isKept = this.#hasBegun && this.#keeper !== null && this.#stop === null;
    return isKept && !this.#build.isWorkerLocal;
  }

  stop(request: StopRequest): void {
    if (this.#stop) return;
    this.#stop = request;
    this.#steps?.stop(request);
  }

  abandon(reason: string): void {
    this.#isAbandoned = true;
    this.#steps?.abandon(reason);
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
      this.#steps = await this.#prepare(this.#session, config, buildProperties(this.#build));
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
    return this.#begin(this.#steps);
  }

  async #prepare(
    session: WorkerSession,
    config: BuilderConfig,
    properties: Properties,
  ): Promise<StepRunner> {
    const values = await knowBuild(this.#context, this.#build, config, properties);
    this.#values = values;
    return new StepRunner({
      ...{ context: this.#context, build: this.#build, keys: this.#keys, session, values },
      steps: planSteps(
        this.#context.steps,
        config.steps,
        values,
        this.#build.wasPrepared ? [PREPARATION] : [],
      ),
      keeper: this.#keeper,
      stop: this.#stop,
      isAwaiting: () => this.#isAwaiting(session),
    });
  }

  async #begin(steps: StepRunner): Promise<boolean> {
    const first = steps.next(-1, false);
    const { db } = this.#context;
    const properties = this.#values?.properties ?? {};
    const ids = await this.#insist("begin of build", () =>
      beginBuild(db, this.#keys, properties, {
        ...{ steps: steps.planned, keeper: this.#keeper, first },
        wasPrepared: this.#build.wasPrepared,
      }),
    );
    this.#context.announceSoon();
    return this.#loop(steps, ids, first, null);
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
    const steps = await this.#prepare(session, config, begun.properties);
    this.#steps = steps;
    const { planned } = steps;
    if (planned.length !== begun.steps.length)
      throw new Error("its steps are not those that it began with");
    try {
      await this.#context.serves(sessionId, builderName);
    } catch (error) {
      if (error instanceof SessionLost) return this.#awaitWorker();
      throw error;
    }
    let isHalted = begun.isStopOlder;
    begun.steps.forEach(({ state, result, summary }, index) => {
      if (state !== "finished" || !isResult(result)) return;
      isHalted =
        this.#outcome.weigh(result, summary, (planned[index] as Planned).flags) || isHalted;
    });
    const index = begun.steps.findIndex(({ state }) => state === "running");
    const turn = index < 0 ? null : steps.turn(index);
    const ids = begun.steps.map(({ stepId }) => stepId);
    return this.#loop(steps, ids, turn, begun, isHalted);
  }

  /** @param begun when the first of the turns is one that was begun before */
  async #loop(
    steps: StepRunner,
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
      end = await steps.run(turn, ids[turn.index] as StepId, again);
      if (!end) return this.#awaitWorker();
      again = null;
      const halts = this.#outcome.weigh(end.result, end.summary, turn.flags);
      isHalted ||= halts || this.#stop !== null;
      const lost = end.commandEnds.find((each) => each.kind === "lost");
      if (lost) await this.#left();
      if (end.result === RETRY && !this.#stop) {
        return this.#retry("running", lost ? await this.#whyLost(lost.message) : end.summary, end);
      }
      turn = lost ? null : steps.next(turn.index, isHalted);
      if (!turn) break;
      const next = {
        stepId: ids[turn.index] as StepId,
        description: turn.description,
        isStopping: this.#stop !== null,
        properties: this.#values?.changed ?? null,
      };
      const ended = end;
      const freed = await this.#insist("next step", () =>
        nextStep(this.#context.db, this.#keys, ended, next),
      );
      if (freed) this.#context.wake(this.#build.orgId);
      this.#values?.stored();
      this.#context.announceSoon();
      end = null;
    }
    return this.#finish("running", end, null);
  }

  /** Whether the connection is gone, and its worker may come back with what it keeps. */
  async #isAwaiting(session: WorkerSession): Promise<boolean> {
    const isClosed = await Promise.race([session.closed.then(() => true), soon(false)]);
    if (!isClosed || this.#keeper === null || this.#stop || this.#isAbandoned) return false;
    if (this.#closed === null || FOR_GOOD.has(this.#closed.code)) return false;
    const { sessionId } = this.#build;
    if (sessionId === null) return true;
    return !(await this.#insist("a look at its machine", () =>
      isLetGo(this.#context.db, sessionId),
    ));
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

  async #whyLost(lost: string): Promise<string> {
    if (!this.#closed) return `the worker could not go on: ${lost}`;
    const wasGoing = await this.#insist("why a worker is gone", () =>
      isGoing(this.#context.db, this.#build.buildId),
    );
    return wasGoing
      ? "the worker was to go when its builds were over, and went before"
      : "the connection to the worker was lost";
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
    this.#outcome.is(RETRY, reason);
    return this.#finish(from, step, reason);
  }

  async #except(reason: string): Promise<boolean> {
    this.#outcome.is(EXCEPTION, reason);
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
    const { result, summary } = this.#outcome.with(stop);
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
