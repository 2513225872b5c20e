/** What the common options of a step mean. */

import type { StepPlan } from "./contract";
import type { CommonStepOptions, FixedStepOptions } from "./schema";

export function resultFlags(options: FixedStepOptions): StepPlan["flags"] {
  const { hideStepIf: _, locks: __, ...flags } = options;
  return flags;
}

export function stepName(written: Readonly<Record<string, unknown>>, otherwise: string): string {
  return typeof written.name === "string" && written.name !== "" ? written.name : otherwise;
}

export interface Texts {
  /** While it runs. */
  readonly running: string;
  /** When it is done: what is said of the result follows. */
  readonly done: string;
}

/** `description`, `descriptionDone` and `descriptionSuffix`, or what the step says of itself. */
export function texts(options: CommonStepOptions, running: string, done = running): Texts {
  const suffix = options.descriptionSuffix ? ` ${words(options.descriptionSuffix)}` : "";
  const given = words(options.description);
  return {
    running: (given ?? running) + suffix,
    done: (words(options.descriptionDone) ?? given ?? done) + suffix,
  };
}

function words(text: string | readonly string[] | undefined): string | undefined {
  return text === undefined || typeof text === "string" ? text : text.join(" ");
}
