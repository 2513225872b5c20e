/** One step of a build, from its first command to what its end is written with. */
import { CANCELLED, EXCEPTION, RETRY, SUCCESS } from "../../domain/builds";
import type { LogId, StepId } from "../../domain/ids";
import type { CommandEnd } from "../../domain/wire";
import type { OpenLog, PreparedChunks, Redactor } from "../../logs";
import type { Keeping, WorkerSession } from "../../protocols/contract";
import type { Step, StepOutcome } from "../../steps/contract";
import type { StepEnd } from "./build-store";
import { interrupted, message } from "./build-summary";
import type { BuildValues } from "./build-values";
import type { StopRequest } from "./load-build";
import type { Planned } from "./prepare-step";
import { stepContext } from "./step-context";
import { createStepLogs, type StepLogs, type StoredLog } from "./step-logs";
import { isTakenAway } from "./taken-away";

/** A step whose turn it is. */
export interface Turn {
  readonly index: number;
  readonly step: Step;
  readonly flags: Planned["flags"];
  readonly locks: Planned["locks"];
  readonly description: string;
}

export interface LogToOpen {
  readonly logId: LogId;
  readonly stepId: StepId;
  readonly name: string;
  readonly slug: string;
  readonly type: "s" | "t";
  readonly redactor: Redactor | null;
  /** What is written to it comes from its beginning, of which so much is stored. */
  readonly stored: StoredLog | null;
}

export interface StepToRun {
  readonly turn: Turn;
  readonly stepId: StepId;
  readonly session: WorkerSession;
  readonly builderName: string;
  readonly values: BuildValues;
  readonly nextLogId: () => Promise<LogId>;
  readonly openLog: (log: LogToOpen) => OpenLog;
  /** Of a step that is begun again. */
  readonly storedLogs: readonly StoredLog[];
  readonly abort: AbortSignal;
  /** Resolves with false when it was stopped, or its worker lost, before it had them. */
  readonly acquireLocks: () => Promise<boolean>;
  /** Somebody wants the build stopped; told anew each time. */
  readonly stopOf: () => StopRequest | null;
  /** The step began when it was stopped already. */
  readonly wasStopped: boolean;
  readonly keeping: (ordinal: number) => Keeping | undefined;
  /** Whether the build waits for its worker, now that a command was lost. */
  readonly isAwaiting: () => Promise<boolean>;
  readonly log: (message: string, fields: Record<string, unknown>) => void;
}

export interface RunStepEnd extends StepEnd {
  readonly commandEnds: readonly CommandEnd[];
}

/** @returns null when its worker is waited for: it ran to no end, and nothing of it is to be written */
export async function runStep(run: StepToRun): Promise<RunStepEnd | null> {
  const { stepId, session, builderName, values } = run;
  const { step, description } = run.turn;
  const { redactor } = values;
  const logs = createStepLogs({
    firstId: await run.nextLogId(),
    nextId: run.nextLogId,
    stored: run.storedLogs,
    open: (logId, name, slug, type, stored) =>
      run.openLog({ logId, stepId, name, slug, type, redactor, stored }),
  });
  let isAwaiting = false;
  const ends: CommandEnd[] = [];
  const withoutLocks = async (): Promise<StepOutcome> => {
    const summary = `${description} (without its locks)`;
    if (run.abort.aborted) return { result: CANCELLED, summary };
    isAwaiting = await run.isAwaiting();
    if (isAwaiting) logs.discard();
    ends.push({ kind: "lost", message: "the connection was lost" });
    return { result: RETRY, summary };
  };
  const header = (text: string) => void logs.output("header", Buffer.from(text));
  let outcome: StepOutcome;
  try {
    const context = stepContext({
      session,
      builderName,
      values,
      logs,
      stop: run.abort,
      ends,
      keeping: run.keeping,
      async onLost() {
        isAwaiting ||= await run.isAwaiting();
        // What the step has to say of it would come between the lines that come again.
        if (isAwaiting) logs.discard();
      },
    });
    if (await run.acquireLocks()) outcome = await step.run(context);
    else outcome = await withoutLocks();
    const stop = run.stopOf();
    if (stop && !run.wasStopped) {
      header(`stopped: ${stop.reason || `by ${stop.by}, who gave no reason`}\n`);
      outcome = { ...outcome, result: interrupted(outcome.result) };
    } else if (!stop && outcome.result !== SUCCESS && (await isTakenAway(session, ends))) {
      const gone = "a signal ended the command, and its worker went away";
      header(`${gone}\n`);
      ends.push({ kind: "lost", message: gone });
      outcome = { ...outcome, result: RETRY };
    }
  } catch (error) {
    const reason = values.redact(message(error));
    run.log("step threw", { reason });
    header(`the step could not be run: ${reason}\n`);
    outcome = { result: EXCEPTION, summary: `${description} (exception)` };
  }
  if (isAwaiting) return null;
  return {
    stepId,
    result: outcome.result,
    summary: values.redact(outcome.summary).slice(0, 500),
    commandEnds: ends,
    logs: await closeLogs(logs),
    hadLocks: run.turn.locks.length > 0,
  };
}

/** Of a step that was stopped after its turn was written and before it ran. */
export function notRun(stepId: StepId, { description }: Turn): RunStepEnd {
  const summary = `${description} (cancelled)`;
  return { stepId, result: CANCELLED, summary, commandEnds: [], logs: [] };
}

async function closeLogs(logs: StepLogs): Promise<PreparedChunks[]> {
  try {
    return await logs.close();
  } catch (error) {
    logs.discard();
    throw error;
  }
}
