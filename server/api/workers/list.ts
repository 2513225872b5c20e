import { z } from "zod";
import type { OrgScope } from "../trpc";
import { WORKER_COLUMNS, WORKER_TABLES, type WorkerFactsRow, withShown } from "./row";

const PAGE = 200;

export const workersInput = z.object({ after: z.string().max(500).optional() });

export async function listWorkers(org: OrgScope, input: z.output<typeof workersInput>) {
  const rows = await org.within((tx) =>
    tx.rows<WorkerFactsRow>(
      `select ${WORKER_COLUMNS} from ${WORKER_TABLES}
       where k.org_id = $1 and k.removed_at is null and k.name > $2
       order by k.name limit ${PAGE}`,
      [org.orgId, input.after ?? ""],
    ),
  );
  const now = Date.now();
  return {
    workers: rows.map((row) => withShown(row, now)),
    after: rows.length === PAGE ? (rows.at(-1)?.name ?? null) : null,
  };
}
