import { z } from "zod";
import type { OrgScope } from "../trpc";
import { fleetFilter, loadFleet } from "./fleet";
import { WORKER_COLUMNS, WORKER_TABLES, type WorkerFactsRow, withShown } from "./row";

export const PAGE = 50;

export const workersInput = fleetFilter.extend({
  /** From 1. */
  page: z.number().int().min(1).max(1000).optional(),
});

/** One page of the fleet, with how many there are of each kind. */
export async function listWorkers(org: OrgScope, input: z.output<typeof workersInput>) {
  return org.within(async (tx) => {
    const now = Date.now();
    const { matching, ...fleet } = await loadFleet(tx, org.orgId, input, now);
    const pages = Math.max(1, Math.ceil(matching.length / PAGE));
    // A page that is not there any more: the last one.
    const page = Math.min(input.page ?? 1, pages);
    const ids = matching.slice((page - 1) * PAGE, page * PAGE).map(({ id }) => id);
    const rows = ids.length === 0 ? [] : await tx.rows<WorkerFactsRow>(ROWS, [org.orgId, ids]);
    return {
      ...fleet,
      matched: matching.length,
      page,
      pages,
      workers: rows.map((row) => withShown(row, now)),
    };
  });
}

export type FleetPage = Awaited<ReturnType<typeof listWorkers>>;

/** Those that a filter shows, on all pages: what "choose all" chooses. */
export async function matchingWorkers(org: OrgScope, input: z.output<typeof fleetFilter>) {
  const { matching } = await org.within((tx) => loadFleet(tx, org.orgId, input, Date.now()));
  return matching.map(({ id, name }) => ({ id, name }));
}

const ROWS = `
  select ${WORKER_COLUMNS} from ${WORKER_TABLES}
  where k.org_id = $1 and k.id = any($2) order by k.name`;
