import { z } from "zod";

/** Nothing can be chosen: the machine is this host, and its directory is the driver's. */
export const localConfigSchema = z.object({});

export type LocalConfig = z.output<typeof localConfigSchema>;
