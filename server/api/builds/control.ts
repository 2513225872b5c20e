import { z } from "zod";
import type { BuildId } from "../../domain/ids";
import type { ApiContext } from "../context";
import { mustOwnOrRule } from "../ownership";
import type { OrgScope } from "../trpc";

export const stopInput = z.object({
  buildId: z.number().int().positive(),
  reason: z.string().trim().min(1, "say why: it is recorded").max(1000),
});

export const rebuildInput = z.object({ buildId: z.number().int().positive() });

export async function stopBuild(
  ctx: ApiContext,
  org: OrgScope,
  input: z.output<typeof stopInput>,
): Promise<void> {
  await mustOwnOrRule(org, "build", input.buildId);
  await ctx.runtime.commands.stopBuild(org.caller, input.buildId as BuildId, {
    reason: input.reason,
  });
}

export async function rebuild(
  ctx: ApiContext,
  org: OrgScope,
  input: z.output<typeof rebuildInput>,
): Promise<{ buildsetId: number; requestId: number | null }> {
  const made = await ctx.runtime.commands.rebuild(org.caller, input.buildId as BuildId);
  made.announce();
  return { buildsetId: made.buildsetId, requestId: Object.values(made.requestIds)[0] ?? null };
}
