import { z } from "zod";
import { AppError } from "../../domain/errors";
import type { PoolId } from "../../domain/ids";
import type { ApiContext } from "../context";
import type { OrgScope } from "../trpc";

/** hold: no more machines. drain: no more builds either. resume: as if nothing had been said. */
export const steerInput = z.object({
  poolId: z.number().int().positive(),
  how: z.enum(["hold", "drain", "resume"]),
  reason: z.string().trim().max(1000),
});

export async function steerPool(
  ctx: ApiContext,
  org: OrgScope,
  { poolId, how, reason }: z.output<typeof steerInput>,
): Promise<void> {
  const { fleet } = ctx.runtime;
  if (await fleet.steerPool(org.caller, poolId as PoolId, how, reason || "no reason")) return;
  throw new AppError("request.not-found", { what: "pool" });
}
