/** Each branch of each repository has its own timer (CORE §8). */
import type { Scheduler } from "../contract";
import { onChanges } from "../on-changes";
import type { AnyBranchOptions } from "./schema";

export function anyBranch(options: AnyBranchOptions): Scheduler {
  return onChanges(options, ({ project, codebase, repository, branch }) =>
    JSON.stringify([project, codebase, repository, branch]),
  );
}
