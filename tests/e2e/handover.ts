/** How the processes that run tests learn where the shared installation is. */
import { z } from "zod";

const shape = z.object({ url: z.url(), token: z.string(), pbPort: z.number() });
export type Handover = z.output<typeof shape>;

const NAME = "SLIPWAY_E2E";

/** The shared installation's administrator. */
export const ADMIN = { email: "ada@example.org", password: "engine-1843", name: "ada" } as const;

export function handOver(facts: Handover): void {
  process.env[NAME] = JSON.stringify(facts);
}

export function takeOver(): Handover {
  return shape.parse(JSON.parse(process.env[NAME] ?? "null"));
}
