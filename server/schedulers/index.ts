/** The registry: one line per kind. */
import { anyBranch } from "./any-branch/scheduler";
import type { MakeScheduler } from "./contract";
import { schedulerSchema } from "./scheduler-schema";
import { singleBranch } from "./single-branch/scheduler";

export const makeScheduler: MakeScheduler = ({ name, kind, config }) => {
  const options = schedulerSchema.parse({ ...(config as object), type: kind, name });
  switch (options.type) {
    case "SingleBranchScheduler":
      return singleBranch(options);
    case "AnyBranchScheduler":
      return anyBranch(options);
    case "ForceScheduler":
      return null;
  }
};
