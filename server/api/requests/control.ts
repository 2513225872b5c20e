import { z } from "zod";
import type { BuildRequestId } from "../../domain/ids";
import type { ApiContext } from "../context";
import { mustOwnOrRule } from "../ownership";
import type { OrgScope } from "../trpc";

export const cancelInput = z.object({
  requestId: z.number().int().positive(),
  reason: z.string().trim().max(1000),
});

export const priorityInput = z.object({
  requestId: z.number().int().positive(),
  priority: z.number().int().min(-1_000_000).max(1_000_000),
});

export async function cancelRequest(
  ctx: ApiContext,
  org: OrgScope,
  input: z.output<typeof cancelInput>,
): Promise<void> {
  await mustOwnOrRule(org, "build_request", input.requestId);
  await ctx.runtime.commands.cancelRequest(
    org.caller,
    input.requestId as BuildRequestId,
    input.reason || "no reason",
  );
}

export async function setPriority(
  ctx: ApiContext,
  org: OrgScope,
  input: z.output<typeof priorityInput>,
): Promise<void> {
  await ctx.runtime.commands.setPriority(
    org.caller,
    input.requestId as BuildRequestId,
    input.priority,
  );
}
