import type { OrgScope } from "../trpc";
import { type PoolSummary, readPools } from "./row";

export async function listPools(org: OrgScope): Promise<PoolSummary[]> {
  return org.within(async (tx) => (await readPools(tx, org, null)).map(({ pool }) => pool));
}
