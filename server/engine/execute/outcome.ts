/** What a build comes to while its steps end one after the other, and what a stop makes of that. */
import {
  CANCELLED,
  contribution,
  isResult,
  RETRY,
  type Result,
  type ResultFlags,
  SUCCESS,
  worst,
} from "../../domain/builds";
import { summaryOf } from "./build-summary";
import type { StopRequest } from "./load-build";

export class Outcome {
  #result: Result = SUCCESS;
  /** Summaries of the steps that were not successful. */
  #failures: string[] = [];

  /** A step has ended. @returns whether the build is halted by it */
  weigh(result: Result, summary: string, flags: ResultFlags): boolean {
    const part = contribution(result, flags);
    this.#result = worst(this.#result, part.result);
    if (part.result !== SUCCESS) this.#failures.push(summary);
    return part.halts;
  }

  /** Whatever its steps came to. */
  is(result: Result, reason: string): void {
    this.#result = result;
    this.#failures = [reason];
  }

  with(stop: StopRequest | null): { readonly result: Result; readonly summary: string } {
    if (!stop) return { result: this.#result, summary: summaryOf(this.#result, this.#failures) };
    const result = worst(isResult(stop.result) ? stop.result : CANCELLED, this.#result);
    return {
      result: result === RETRY && stop.result !== RETRY ? CANCELLED : result,
      summary: `stopped by ${stop.by}${stop.reason ? `: ${stop.reason}` : ""}`,
    };
  }
}
