/** What the common options of a step mean. */

import type { Step } from "./contract";
import type { CommonStepOptions } from "./schema";

export function resultFlags(options: CommonStepOptions): Step["flags"] {
  const { haltOnFailure, flunkOnFailure, flunkOnWarnings, warnOnFailure, warnOnWarnings } = options;
  return {
    haltOnFailure,
    flunkOnFailure,
    flunkOnWarnings,
    warnOnFailure,
    warnOnWarnings,
    alwaysRun: options.alwaysRun,
  };
}

export function words(text: string | readonly string[] | undefined): string | undefined {
  return text === undefined || typeof text === "string" ? text : text.join(" ");
}
