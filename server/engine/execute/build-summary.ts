/** What a build says of itself in one line, and what a stop makes of a result. */
import { CANCELLED, RETRY, type Result, resultName, SUCCESS } from "../../domain/builds";

/** What a stop makes of a step's own result (C-061). */
export function interrupted(result: Result): Result {
  return result === RETRY || result === CANCELLED ? result : CANCELLED;
}

/** @param failures summaries of the steps that were not successful */
export function summaryOf(result: Result, failures: readonly string[]): string {
  if (result === SUCCESS) return "build successful";
  const word = resultName(result).toLowerCase();
  return failures.length > 0 ? `${word}: ${failures.slice(0, 3).join(", ")}`.slice(0, 500) : word;
}

export function message(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 500);
}
