import { z } from "zod";
import { may } from "../../auth/roles";
import { AppError } from "../../domain/errors";
import type { OrgScope } from "../trpc";
import { readPools } from "./row";

export const poolInput = z.object({ poolId: z.number().int().positive() });

export interface PoolBuilder {
  readonly id: number;
  readonly name: string;
  /** Requests of it that wait. */
  readonly waiting: number;
}

/** The pool, its workers by number, the builders that may use it and what it is made from. */
export async function onePool(org: OrgScope, { poolId }: z.output<typeof poolInput>) {
  return org.within(async (tx) => {
    const [found] = await readPools(tx, org, poolId);
    if (!found) throw new AppError("request.not-found", { what: "pool" });
    const builders = await tx.rows<PoolBuilder>(
      `select b.id, b.name, (select count(*)::int from build_request r
          where r.org_id = $1 and r.builder_id = b.id and r.state = 'pending') as waiting
       from builder_pool bp join builder b on b.id = bp.builder_id
       where bp.pool_id = $2 and b.removed_at is null order by b.name`,
      [org.orgId, poolId],
    );
    const [made] = await tx.rows<{ config: { worker?: unknown } }>(
      "select config from pool where org_id = $1 and id = $2",
      [org.orgId, poolId],
    );
    // Options are the configuration's, which not every member may read.
    const template = may(org.role, "config") ? (made?.config.worker ?? null) : null;
    return { ...found, builders, template };
  });
}

export type PoolPage = Awaited<ReturnType<typeof onePool>>;
