import { z } from "zod";
import type { WorkerId } from "../../domain/ids";
import type { ApiContext } from "../context";
import type { OrgScope } from "../trpc";

export const ACTIONS = ["pause", "unpause", "drain", "kill"] as const;

/** Each action asks for a reason, and is recorded with a name (W-080, W-087). */
export const actInput = z.object({
  workerIds: z.array(z.number().int().positive()).min(1).max(10_000),
  action: z.enum(ACTIONS),
  reason: z.string().trim().max(1000),
});

export async function actOnWorkers(
  ctx: ApiContext,
  org: OrgScope,
  input: z.output<typeof actInput>,
): Promise<void> {
  for (const id of input.workerIds) {
    await ctx.runtime.fleet[input.action](org.caller, id as WorkerId, input.reason || "no reason");
  }
}
