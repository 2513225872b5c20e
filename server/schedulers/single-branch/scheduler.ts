/** All that passes the filter is one line of development: one timer (CORE §8). */
import type { Scheduler } from "../contract";
import { onChanges } from "../on-changes";
import type { SingleBranchOptions } from "./schema";

export function singleBranch(options: SingleBranchOptions): Scheduler {
  return onChanges(options, () => "");
}
