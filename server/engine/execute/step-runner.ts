/**
 * Runs the steps of one build, one at a time, and knows how a stop reaches the one that runs.
 *
 * A step that was begun before is run again from its beginning; until it has come to where it was, a stop
 * waits: what has ended is said again to its end, or its lines would not be those that are stored.
 */
import type { StepId } from "../../domain/ids";
import type { Keeping, WorkerSession } from "../../protocols/contract";
import { acquire } from "../locks/acquire";
import type { BuildKeys } from "./build-store";
import type { BuildValues } from "./build-values";
import type { Begun, BuildToRun, StopRequest } from "./load-build";
import { type Planned, prepareStep } from "./prepare-step";
import type { RunContext } from "./run-context";
import { notRun, type RunStepEnd, runStep, type Turn } from "./run-step";

export interface StepsToRun {
  readonly context: RunContext;
  readonly build: BuildToRun;
  readonly keys: BuildKeys;
  readonly session: WorkerSession;
  readonly values: BuildValues;
  readonly steps: readonly Planned[];
  /** Null: nobody keeps what is begun. */
  readonly keeper: string | null;
  /** Somebody wanted it stopped already. */
  readonly stop: StopRequest | null;
  /** Whether the connection is gone, and its worker may come back with what it keeps. */
  readonly isAwaiting: () => Promise<boolean>;
}

export class StepRunner {
  readonly #of: StepsToRun;
  #stop: StopRequest | null;
  #isAbandoned = false;
  /** The step that runs was begun before, and has not come to where it was yet. */
  #isReplaying = false;
  /** Of the step that runs now. */
  #abort = new AbortController();

  constructor(of: StepsToRun) {
    this.#of = of;
    this.#stop = of.stop;
  }

  get planned(): readonly Planned[] {
    return this.#of.steps;
  }

  stop(request: StopRequest): void {
    this.#stop = request;
    if (!this.#isReplaying) this.#abort.abort(request.reason);
  }

  /** The build is not ours any more. */
  abandon(reason: string): void {
    this.#isAbandoned = true;
    this.#abort.abort(reason);
  }

  /** The next step whose turn it is, rendered over what is known now. */
  next(after: number, isHalted: boolean): Turn | null {
    for (let index = after + 1; index < this.#of.steps.length; index += 1) {
      const { flags } = this.#of.steps[index] as Planned;
      if (isHalted && !flags.alwaysRun) continue;
      const turn = this.turn(index);
      if (turn.step.doStepIf) return turn;
    }
    return null;
  }

  turn(index: number): Turn {
    const { values } = this.#of;
    const planned = this.#of.steps[index] as Planned;
    const step = prepareStep(this.#of.context.steps, planned, values);
    const description = values.redact(step.description).slice(0, 500);
    return { index, step, flags: planned.flags, locks: planned.locks, description };
  }

  /** @returns null when its worker is waited for */
  async run(turn: Turn, stepId: StepId, begun: Begun | null): Promise<RunStepEnd | null> {
    const { build, values, session } = this.#of;
    // Stopped after its turn was written: only a step that always runs still gets its chance.
    const isLate = begun === null && this.#stop !== null && !turn.flags.alwaysRun;
    if (this.#isAbandoned || isLate) return notRun(stepId, turn);
    this.#abort = new AbortController();
    const wasStopped = begun ? begun.isStopOlder : this.#stop !== null;
    // One that still stood in line for its locks had not begun.
    const hadBegun = begun !== null && (begun.hasLocks || turn.locks.length === 0);
    this.#isReplaying = hadBegun && !wasStopped;
    if (this.#stop && !wasStopped && !hadBegun) this.#abort.abort(this.#stop.reason);
    const { openLog, nextLogId, log } = this.#of.context;
    const end = await runStep({
      turn,
      stepId,
      session,
      builderName: build.builderName,
      values,
      nextLogId: () => this.#of.context.insist("id of a log", nextLogId),
      openLog: (wanted) => openLog(build, wanted),
      storedLogs: begun?.logs ?? [],
      abort: this.#abort.signal,
      acquireLocks: () => this.#acquire(turn, stepId),
      stopOf: () => this.#stop,
      wasStopped,
      keeping: (ordinal) => this.#keeping(stepId, ordinal),
      isAwaiting: this.#of.isAwaiting,
      log: (text, fields) => log(text, { build: build.buildId, ...fields }),
    });
    this.#isReplaying = false;
    return end;
  }

  /** Waits for a step's locks. @returns false when it was stopped, or its worker lost, before */
  async #acquire(turn: Turn, stepId: StepId): Promise<boolean> {
    const { locks, description } = turn;
    if (locks.length === 0) return true;
    const lost = new AbortController();
    void this.#of.session.closed.then(() => lost.abort());
    const { db, locksMoved, insist, announceSoon: announce } = this.#of.context;
    const { workerId: id, workerName: name } = this.#of.build;
    const stop = AbortSignal.any([this.#abort.signal, lost.signal]);
    return acquire(
      { db, locksMoved, insist, announce },
      { keys: this.#of.keys, stepId, locks, description, worker: { id, name }, stop },
    );
  }

  /** The time is part of the name: a database that was restored may give its numbers once more. */
  #keeping(stepId: StepId, ordinal: number): Keeping | undefined {
    if (this.#of.keeper === null) return undefined;
    const { buildId, createdAt } = this.#of.build;
    return {
      key: { step: `${buildId}@${createdAt.getTime()}/${stepId}`, ordinal },
      found: (found) => {
        if (found === "ended" || !this.#isReplaying) return;
        this.#isReplaying = false;
        if (this.#stop) this.#abort.abort(this.#stop.reason);
      },
    };
  }
}
