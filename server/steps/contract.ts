/**
 * The seam between the engine and what a build does.
 *
 * A step is data (its schema) and one function, `run(context)`. All that it learns comes through
 * the context, and each of its commands has an ordinal whose end is recorded; running it again
 * over recorded ends reaches the same point (HOUSE, Ownership 8). So a step keeps no clock, no
 * random numbers and no state of its own outside the context.
 *
 * A step never throws for what a build may expect: a failing command is a result. What it throws
 * is a fault of ours, and the step ends in EXCEPTION with the message in its log.
 */
import type { Result, ResultFlags } from "../domain/builds";
import type { Properties } from "../domain/properties";
import type { Command, CommandEnd } from "../domain/wire";

export interface StepContext {
  readonly properties: Properties;
  /** Environment of the builder; a step's own overrides it (CORE §3 `env`). */
  readonly env: Readonly<Record<string, string | readonly string[] | null>>;
  /**
   * Run one command on the build's worker. Its output goes to the step's `stdio` log (and watched
   * files to logs of their names). Resolves also when the build is being stopped: then the
   * command was interrupted, or was not started at all.
   */
  command(command: Command): Promise<CommandEnd>;
  /** A line of our own in the `stdio` log. */
  header(text: string): void;
  /** Aborted when the build is stopped; the reason is for a person. */
  readonly stop: AbortSignal;
}

export interface StepOutcome {
  readonly result: Result;
  /** Short text for the list of steps: `'make test' (failure)`. */
  readonly summary: string;
}

export interface Step {
  /** Unique name inside its build is made by the engine from this. */
  readonly name: string;
  readonly flags: ResultFlags & { readonly alwaysRun: boolean };
  /** False: the step is skipped. */
  readonly doStepIf: boolean;
  /** Hidden in the UI unless asked for. */
  readonly isHidden: boolean;
  /** The text while it waits and runs. */
  readonly description: string;
  run(context: StepContext): Promise<StepOutcome>;
}

/** A kind of step: Buildbot's class name, and how to make one of parsed options. */
export interface StepKind<Options> {
  readonly type: string;
  make(options: Options): Step;
}
