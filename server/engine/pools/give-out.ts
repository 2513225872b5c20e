/**
 * Pools are sized, then requests are given out, until nothing more fits: what was given out changes what
 * a pool is to have, be it only that its spare machine is taken.
 */
import type { OrgId } from "../../domain/ids";
import { type DistributeContext, distribute } from "../distribute/distribute";
import { type TendContext, tendPools } from "./tend";

/** @returns how many builds were made */
export async function giveOut(
  tending: TendContext,
  distributing: DistributeContext,
  orgId: OrgId,
): Promise<number> {
  let made = 0;
  for (;;) {
    const hasPools = await tendPools(tending, orgId);
    const now = await distribute(distributing, orgId);
    made += now;
    if (!hasPools || now === 0) return made;
  }
}
