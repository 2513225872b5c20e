/**
 * The seam between the engine and what a build does.
 *
 * A kind of step is a schema and a function that makes a step of rendered options. All that a step
 * learns comes through its context, and each of its commands has an ordinal whose end is recorded,
 * with what was kept of its output; running it again over recorded ends reaches the same point
 * (HOUSE, Ownership 8). So a step keeps no clock, no random numbers and no state of its own.
 *
 * A step never throws for what a build may expect: a failing command is a result. What it throws
 * is a fault of ours or of the recipe, and the step ends in EXCEPTION with the message in its log.
 */
import type { z } from "zod";
import type { Result, ResultFlags } from "../domain/builds";
import type { Patch } from "../domain/force";
import type { LockAccess } from "../domain/locks";
import type { JsonValue, Properties, ScopeStamp } from "../domain/properties";
import type { Command, CommandEnd, StatResult } from "../domain/wire";

export type Environment = Readonly<Record<string, string | readonly string[] | null>>;

/** What a command said, as far as it was kept. */
export interface Kept {
  readonly stdout: string;
  readonly stderr: string;
  /** It said more than is kept. */
  readonly isCut: boolean;
  readonly stat: StatResult | null;
  readonly files: readonly string[] | null;
}

export interface SourceStamp extends ScopeStamp {
  readonly patch: Patch | null;
}

/** What a step may know of its worker. */
export interface WorkerView {
  /** `posix` or `nt`. */
  readonly system: string;
  /** Absolute; what commands are given is relative to the builder's directory below it. */
  readonly basedir: string;
  readonly version: string;
  /** Command name → the version the worker knows it in. */
  readonly commands: Readonly<Record<string, string>>;
  readonly environ: Readonly<Record<string, string>>;
}

export interface StepContext {
  /** As they are now. */
  readonly properties: Properties;
  /** @throws Error when the name or the value cannot be a property's */
  setProperty(name: string, value: JsonValue, source: string): void;
  readonly sourceStamps: readonly SourceStamp[];
  readonly worker: WorkerView;
  /** Absolute, of the builder on the worker. */
  readonly builddir: string;
  /** Environment of the builder; a step's own overrides it (CORE §3 `env`). */
  readonly env: Environment;
  /** A hidden value is in it: nobody may print it. */
  readonly isEnvHidden: boolean;
  /**
   * Run one command on the build's worker. Its output goes to the step's `stdio` log (and watched
   * files to logs of their names). Resolves also when the build is being stopped: then the
   * command was interrupted, or was not started at all.
   */
  command(command: Command): Promise<CommandEnd>;
  /** Like `command`, and what it said is kept, up to a bound; hidden values are hidden in it. */
  keep(command: Command): Promise<{ readonly end: CommandEnd; readonly kept: Kept }>;
  /** Like `command`, but nothing of what it says goes to a log: a question, whose answer is its end. */
  ask(command: Command): Promise<CommandEnd>;
  /** Like `command`, after the build was stopped, too: for what must not be left behind. */
  cleanUp(command: Command): Promise<CommandEnd>;
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
  /** False: the step is skipped. */
  readonly doStepIf: boolean;
  /** The text while it runs. */
  readonly description: string;
  run(context: StepContext): Promise<StepOutcome>;
}

/** What must be known of a step before its turn comes; never rendered. */
export interface StepPlan {
  /** As written: perhaps a template. The engine makes it unique inside the build. */
  readonly name: string;
  readonly flags: ResultFlags & { readonly alwaysRun: boolean };
  /** Hidden in the UI unless asked for. */
  readonly isHidden: boolean;
  /** Held while it runs. */
  readonly locks: readonly LockAccess[];
}

/** A kind of step. */
export interface StepKind<Options> {
  /** Buildbot's class name. */
  readonly type: string;
  /** Its name when the recipe gives none. */
  readonly name: string;
  /** Buildbot's, where they differ from those of other steps. */
  readonly defaults?: Partial<StepPlan["flags"]>;
  /** Strict: of rendered options. */
  readonly schema: z.ZodType<Options>;
  /**
   * @param shown the same options with names in the place of hidden values: whatever people may
   *   see is made of these
   */
  make(options: Options, shown: Options): Step;
}

/** All kinds together, as the engine sees them. */
export interface Steps {
  /** What is known before anything is rendered. @throws Error, ZodError */
  plan(written: Readonly<Record<string, unknown>>): StepPlan;
  /** A step of rendered options. @throws ZodError */
  make(options: unknown, shown: unknown): Step;
}
