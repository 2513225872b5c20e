/** What a backup says of itself, first thing in it. */
import { z } from "zod";

export const header = z.object({
  madeAt: z.iso.datetime(),
  /** The installation's key: whoever has the file has every secret in it. */
  secretKey: z.string().min(1),
  /** Migrations that the database had, by name. */
  migrations: z.record(z.string(), z.string()),
  /** First days of the periods that had partitions. */
  periods: z.array(z.iso.date()),
  /** Whether the artifacts are in it; false when they are in an object store. */
  hasArtifacts: z.boolean(),
  organizations: z.number(),
  builds: z.number(),
});

export type Header = z.output<typeof header>;

export const table = z.object({ name: z.string(), columns: z.array(z.string()).min(1) });
export const tableEnd = z.object({ rows: z.number() });
export const sequences = z.array(
  z.object({ name: z.string(), value: z.string().regex(/^\d+$/), isCalled: z.boolean() }),
);
export const file = z.object({ path: z.string().min(1) });
