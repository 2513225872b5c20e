/**
 * What the options of a latent worker's driver may refer to (W-120): the properties of the build that
 * the machine is made for, as they are known before it has a number and a directory.
 */
import type { Queryable } from "../../db/pool";
import type { BuildRequestId, WorkerId } from "../../domain/ids";
import { RenderError, type Scope } from "../../domain/properties";
import type { Assignment, Misfits } from "../../domain/scheduling";
import { freezeOptions } from "../../fleet";
import { buildProperties } from "../execute/build-properties";
import { type BuildToRun, loadImagined, loadWaitingFor } from "../execute/load-build";

type MachineScope = Pick<Scope, "properties" | "sourceStamps">;

/** Of the first build that waits for a machine of this worker; of none, nothing is known. */
export async function machineScope(q: Queryable, workerId: WorkerId): Promise<MachineScope> {
  const [build] = await loadWaitingFor(q, workerId);
  return build ? scopeOf(build) : { properties: {} };
}

/**
 * Notes the pairs whose machine, that is there or on its way, was made with other options than the
 * build would have.
 * @returns whether there are any that were not known
 */
export async function findMisfits(
  q: Queryable,
  assignments: readonly Assignment[],
  misfits: Misfits,
): Promise<boolean> {
  let found = false;
  for (const { requestId, workerId, latent } of assignments) {
    const { templated } = latent ?? {};
    if (!templated?.hash || latent?.needsOther || misfits.has(requestId, workerId)) continue;
    if (await fits(q, requestId, workerId, templated)) continue;
    misfits.add(requestId, workerId);
    found = true;
  }
  return found;
}

/** Whether that machine is what the worker's options come to for a build of this request. */
export async function fits(
  q: Queryable,
  requestId: BuildRequestId,
  workerId: WorkerId,
  { config, hash }: { readonly config: unknown; readonly hash: string | null },
): Promise<boolean> {
  return (await hashFor(q, requestId, workerId, config)) === hash;
}

async function hashFor(
  q: Queryable,
  requestId: BuildRequestId,
  workerId: WorkerId,
  config: unknown,
): Promise<string | null> {
  const [build] = await loadImagined(q, requestId, workerId);
  try {
    return build ? freezeOptions(config, scopeOf(build)).hash.toString("hex") : null;
  } catch (error) {
    // It fails when its machine is asked for, which tells why.
    if (error instanceof RenderError) return null;
    throw error;
  }
}

function scopeOf(build: BuildToRun): MachineScope {
  const { buildnumber: _, builddir: __, basedir: ___, ...properties } = buildProperties(build);
  return { properties, sourceStamps: build.sourceStamps };
}
