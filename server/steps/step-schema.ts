/** Every kind of step a configuration may name. */
import { z } from "zod";
import { shellCommandSchema } from "./shell/schema";

export const stepSchema = z.discriminatedUnion("type", [shellCommandSchema]);

export type StepOptions = z.output<typeof stepSchema>;
