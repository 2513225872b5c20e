/**
 * Where the source is when a person or a program asks for a build and does not say: where the
 * builder's project watches for changes, if that is one place (docs/decisions/0017).
 */
import type { Queryable } from "../db/pool";
import type { BuildsetOrder } from "./submit";

export async function withOwnRepository(
  q: Queryable,
  order: BuildsetOrder,
): Promise<BuildsetOrder> {
  if (order.sourceStamps.every(({ repository }) => repository !== "")) return order;
  const watched = await q.rows<{ repourl: string; codebase: string }>(
    {
      name: "own-repositories",
      text: `select distinct s.config->>'repourl' as repourl, coalesce(s.config->>'codebase', '') as codebase
        from builder b join change_source s on s.project_id = b.project_id and s.org_id = b.org_id
        where b.org_id = $1 and b.id = any($2) and s.removed_at is null and s.config ? 'repourl'`,
    },
    [order.orgId, order.builderIds],
  );
  return {
    ...order,
    sourceStamps: order.sourceStamps.map((stamp) => {
      if (stamp.repository !== "") return stamp;
      const [only, ...others] = watched.filter(({ codebase }) => codebase === stamp.codebase);
      return only && others.length === 0 ? { ...stamp, repository: only.repourl } : stamp;
    }),
  };
}
