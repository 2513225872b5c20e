/** SingleBranchScheduler: one line of changes, one timer. */
import { z } from "zod";
import { changeSchedulerOptions } from "../schema";

export const singleBranchSchema = z.strictObject({
  type: z.literal("SingleBranchScheduler"),
  ...changeSchedulerOptions,
});

export type SingleBranchOptions = z.output<typeof singleBranchSchema>;
