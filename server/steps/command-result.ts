/** What the end of a command of a worker's own (mkdir, stat, …) means for its step. */
import { CANCELLED, EXCEPTION, FAILURE, RETRY, SUCCESS } from "../domain/builds";
import type { CommandEnd } from "../domain/wire";
import type { StepContext, StepOutcome } from "./contract";

/** Null: it succeeded, or failed in a way that its step has to judge (`rc` is not 0). */
export function unusual(end: CommandEnd, title: string, context: StepContext): StepOutcome | null {
  switch (end.kind) {
    case "lost":
      return { result: RETRY, summary: `${title} (worker lost)` };
    case "failed":
      context.header(`the worker could not do it: ${end.message}\n`);
      return { result: EXCEPTION, summary: `${title} (exception)` };
    case "completed":
      return context.stop.aborted ? { result: CANCELLED, summary: `${title} (cancelled)` } : null;
  }
}

export function outcomeOf(end: CommandEnd, title: string, context: StepContext): StepOutcome {
  const early = unusual(end, title, context);
  if (early) return early;
  if (end.kind === "completed" && end.rc === 0) return { result: SUCCESS, summary: title };
  return { result: FAILURE, summary: `${title} (failure)` };
}
