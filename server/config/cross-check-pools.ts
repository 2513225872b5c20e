/** What must hold of pools: their names and those of their workers are free, and builders ask for what there is. Pure. */
import { isPlaceOf } from "../domain/pools/options";
import { nearest, quote } from "./fields";
import { poolsOf } from "./pool-schema";
import type { Problem } from "./problems";
import type { BuilderOptions, OrganizationDocument } from "./schema";
import type { Path } from "./source";

export function checkPools({ pools = [], workers = [] }: OrganizationDocument): Problem[] {
  const seen = new Set<string>();
  return pools.flatMap((pool, index): Problem[] => {
    if (!pool) return [];
    const path = ["pools", index, "name"];
    const { name } = pool;
    const isTaken = seen.has(name);
    seen.add(name);
    if (isTaken) return [{ path, message: `there is another pool ${quote(name)}`, of: "value" }];
    const own = workers.find((worker) => worker && isPlaceOf(name, worker.name));
    const other = pools.find((one) => one && isPlaceOf(name, one.name));
    const problems: Problem[] = [];
    if (own) {
      const message = `worker ${quote(own.name)} has a name that this pool gives to its own workers`;
      problems.push({ path, message, of: "value" });
    }
    if (other) {
      const message = `pool ${quote(other.name)} has a name that this pool gives to its own workers`;
      problems.push({ path, message, of: "value" });
    }
    if ((pool.minIdle ?? 0) > (pool.maxWorkers ?? 10)) {
      const message = `is more than the pool may have (maxWorkers: ${pool.maxWorkers ?? 10})`;
      problems.push({ path: ["pools", index, "minIdle"], message, of: "value" });
    }
    return problems;
  });
}

export function checkBuilderPools(
  builder: BuilderOptions,
  path: Path,
  pools: NonNullable<OrganizationDocument["pools"]>,
): Problem[] {
  const known = pools.filter(Boolean);
  const names = known.map(({ name }) => name);
  const unknown = (builder.pools ?? []).flatMap((name, index): Problem[] => {
    if (name === undefined || names.includes(name)) return [];
    const near = nearest(name, names);
    const hint = near === null ? "" : `: did you mean ${quote(near)}?`;
    const message = `there is no pool ${quote(name)}${hint}`;
    return [{ path: [...path, "pools", index], message, of: "value" }];
  });
  const labels = (builder.labels ?? []).filter((label) => label !== undefined);
  if (labels.length > 0 && poolsOf({ labels }, known).length === 0) {
    const message = `no pool has the label${labels.length > 1 ? "s" : ""} ${labels.map(quote).join(" and ")}`;
    unknown.push({ path: [...path, "labels"], message, of: "value" });
  }
  return unknown;
}
