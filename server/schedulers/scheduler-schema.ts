/** Every kind of scheduler a configuration may name. */
import { z } from "zod";
import { anyBranchSchema } from "./any-branch/schema";
import { forceSchema } from "./force/schema";
import { singleBranchSchema } from "./single-branch/schema";

export const schedulerSchema = z.discriminatedUnion("type", [
  singleBranchSchema,
  anyBranchSchema,
  forceSchema,
]);

export type SchedulerOptions = z.output<typeof schedulerSchema>;

/** Buildbot's, so that one we do not have is not taken for a slip of the pen. */
export const SCHEDULER_TYPES_LATER = [
  ...["Scheduler", "Dependent", "Periodic", "Nightly", "Triggerable", "NightlyTriggerable"],
  ...["Try_Jobdir", "Try_Userpass"],
];

/** Options of Buildbot that a configuration of data cannot hold, or that are to come. */
export const SCHEDULER_OPTIONS_LATER = [
  "branch",
  "branches",
  "categories",
  "createAbsoluteSourceStamps",
];
