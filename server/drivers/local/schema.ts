import { z } from "zod";

/** Nothing can be chosen: the machine is this host, and its directory is the driver's. */
export const localLatentOptions = {};

export const localConfigSchema = z.object(localLatentOptions);

export type LocalConfig = z.output<typeof localConfigSchema>;
