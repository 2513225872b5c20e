import { z } from "zod";
import { AppError } from "../../domain/errors";
import type { InstanceId } from "../../domain/ids";
import type { ApiContext } from "../context";
import type { OrgScope } from "../trpc";

const reason = z.string().trim().max(1000);

export const stopInput = z.object({ instanceId: z.number().int().positive(), reason });
export const stopOrphanInput = z.object({ sightingId: z.number().int().positive(), reason });
export const sweepNowInput = z.object({ accountId: z.number().int().positive().optional() });

/**
 * The machine is let go at once, with what runs on it: its builds end in RETRY and are built again.
 * One that could not be stopped is tried again now. Recorded with name and reason.
 */
export async function stopInstance(
  ctx: ApiContext,
  org: OrgScope,
  input: z.output<typeof stopInput>,
): Promise<void> {
  const { fleet } = ctx.runtime;
  const id = input.instanceId as InstanceId;
  const isThere = await fleet.stopInstance(org.caller, id, input.reason || "no reason");
  if (!isThere) throw new AppError("request.not-found", { what: "instance that lives" });
}

/** A machine that nobody owns is stopped at the next sweep, which is now, without a second sighting. */
export async function stopOrphan(
  ctx: ApiContext,
  org: OrgScope,
  input: z.output<typeof stopOrphanInput>,
): Promise<void> {
  const { fleet } = ctx.runtime;
  const isThere = await fleet.stopOrphan(org.caller, input.sightingId, input.reason || "no reason");
  if (!isThere) throw new AppError("request.not-found", { what: "orphan" });
}

/** The accounts are swept within seconds. */
export async function sweepNow(
  ctx: ApiContext,
  org: OrgScope,
  { accountId }: z.output<typeof sweepNowInput>,
): Promise<void> {
  await ctx.runtime.fleet.sweepNow(org.caller, accountId ?? null);
}
