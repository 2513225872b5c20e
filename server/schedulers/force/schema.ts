/** ForceScheduler: builds that a person asks for (CORE §8.1). */
import { z } from "zod";
import { builderNames, schedulerName } from "../schema";

export const forceSchema = z.strictObject({
  type: z.literal("ForceScheduler"),
  name: schedulerName,
  builderNames,
  label: z.string().max(200).optional(),
  buttonName: z.string().max(200).optional(),
});

export type ForceOptions = z.output<typeof forceSchema>;
