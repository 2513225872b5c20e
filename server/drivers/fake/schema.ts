import { z } from "zod";

export const fakeConfigSchema = z.object({
  /** `missing` is not there, and every start says so. */
  image: z.string().default("debian").meta({ title: "Image" }),
});

export type FakeConfig = z.output<typeof fakeConfigSchema>;
