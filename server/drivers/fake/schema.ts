import { z } from "zod";

export const fakeConfigSchema = z.object({
  /** `missing` is not there, and every start says so. */
  image: z.string().default("debian").meta({ title: "Image" }),
  /** Whose machines are listed together. */
  account: z.string().optional(),
});

export type FakeConfig = z.output<typeof fakeConfigSchema>;
