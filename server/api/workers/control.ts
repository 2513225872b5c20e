import { z } from "zod";
import { AppError } from "../../domain/errors";
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

/** @returns what became of it; workers that are not in the configuration (any more) are left alone */
export async function controlMany(
  ctx: ApiContext,
  org: OrgScope,
  { workerIds, action, reason }: z.output<typeof actInput>,
) {
  const ids = workerIds as WorkerId[];
  const { fleet } = ctx.runtime;
  const changed = await fleet.control(org.caller, ids, action, reason || "no reason");
  const known = new Set<number>(changed);
  return { changed, unknown: ids.filter((id) => !known.has(id)) };
}

/** As `controlMany`, for workers that must be there. */
export async function actOnWorkers(
  ctx: ApiContext,
  org: OrgScope,
  input: z.output<typeof actInput>,
): Promise<void> {
  const { changed } = await controlMany(ctx, org, input);
  if (changed.length === 0) throw new AppError("request.not-found", { what: "worker" });
}
