import { z } from "zod";
import type { InstanceState } from "../../domain/latent";
import type { OrgScope } from "../trpc";
import { INSTANCE_COLUMNS, INSTANCE_TABLES, type InstanceFacts, withCost } from "./row";

const PAGE = 50;

export const instancesInput = z.object({
  /** `live`: all that are not gone. `failed`: those that never came. Left out: all there ever were. */
  which: z.enum(["live", "gone", "failed", "unstoppable"]).optional(),
  workerId: z.number().int().positive().optional(),
  /** Buildbot's class name. */
  driver: z.string().max(100).optional(),
  /** Only those older than this one, by id: `before` of the last answer. */
  cursor: z.number().int().positive().nullish(),
});

/**
 * Machines of latent workers, newest first. `before` is the cursor of the next page, null at the end.
 * `live` counts those that are not gone by state, whatever the filter; `orphans` what the provider has
 * and nobody here owns.
 */
export async function listInstances(org: OrgScope, input: z.output<typeof instancesInput>) {
  const { which, workerId, driver, cursor } = input;
  const wanted = [
    "i.org_id = $1",
    "i.id < $2",
    ...(which === undefined ? [] : [WHICH[which]]),
    ...(workerId === undefined ? [] : ["i.worker_id = $3"]),
    ...(driver === undefined ? [] : ["i.driver = $4"]),
  ].join(" and ");
  const unused = "and ($3::bigint is null or true) and ($4::text is null or true)";
  return org.within(async (tx) => {
    const rows = await tx.rows<InstanceFacts>(
      `select ${INSTANCE_COLUMNS} from ${INSTANCE_TABLES} where ${wanted} ${unused} order by i.id desc limit ${PAGE}`,
      [org.orgId, cursor ?? Number.MAX_SAFE_INTEGER, workerId ?? null, driver ?? null],
    );
    const states = await tx.rows<{ state: InstanceState; count: number }>(LIVE, [org.orgId]);
    const [orphans] = await tx.rows<{ count: number }>(ORPHANS, [org.orgId]);
    const now = Date.now();
    return {
      instances: rows.map((row) => withCost(row, now)),
      before: rows.length === PAGE ? (rows.at(-1)?.id ?? null) : null,
      live: Object.fromEntries(states.map(({ state, count }) => [state, count])) as Partial<
        Record<InstanceState, number>
      >,
      orphans: orphans?.count ?? 0,
    };
  });
}

export type InstancesPage = Awaited<ReturnType<typeof listInstances>>;

const WHICH = {
  live: "i.state <> 'gone'",
  gone: "i.state = 'gone'",
  failed: "i.is_failed",
  unstoppable: "i.state <> 'gone' and i.state = 'stopping' and i.stop_tries > 0",
} as const;

const LIVE = {
  name: "instances-by-state",
  text: "select state, count(*)::int as count from instance where org_id = $1 and state <> 'gone' group by state",
};

const ORPHANS = {
  name: "orphans-sighted",
  text: "select count(*)::int as count from instance_sighting where org_id = $1 and kind = 'orphan'",
};
