/** AnyBranchScheduler: a timer for each branch of each repository. */
import { z } from "zod";
import { changeSchedulerOptions } from "../schema";

export const anyBranchSchema = z.strictObject({
  type: z.literal("AnyBranchScheduler"),
  ...changeSchedulerOptions,
});

export type AnyBranchOptions = z.output<typeof anyBranchSchema>;
