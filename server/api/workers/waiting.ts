import { whyNotChosen } from "../../engine/distribute/why";
import { explained, type Why } from "../requests/why";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";

const SHOWN = 20;

interface WaitingRow {
  id: number;
  builderId: number;
  builder: string;
  priority: number;
  submittedAt: number;
}

export interface NotChosenRow extends WaitingRow {
  /** The sentence of the page of pending requests. */
  why: Why;
  /** And of this worker alone. */
  here: string;
}

/** The requests that wait for builders of this worker, each with why it is not the one that takes it. */
export async function waitingForWorker(org: OrgScope, { workerId }: { workerId: number }) {
  return org.within(async (tx) => {
    const rows = await tx.rows<WaitingRow>(WAITING, [org.orgId, workerId]);
    const shown = rows.slice(0, SHOWN);
    const ids = shown.map(({ id }) => id);
    const why = await whyNotChosen(tx, org.orgId, workerId, ids, Date.now());
    const whyOf = await explained(tx, org.orgId, why);
    const requests = shown.flatMap((row): NotChosenRow[] => {
      const told = why.get(row.id);
      return told ? [{ ...row, why: whyOf(row.id), here: told.here }] : [];
    });
    return { requests, hasMore: rows.length > SHOWN };
  });
}

/** Of each builder no more than are shown are read, in the order they are served. */
const WAITING = {
  name: "waiting-for-worker",
  text: `
    select r.id, b.id as "builderId", b.name as builder, r.priority, ${ms("r.submitted_at")} as "submittedAt"
    from builder_worker bw
    join builder b on b.id = bw.builder_id
    cross join lateral (
      select q.id, q.priority, q.submitted_at from build_request q
      where q.org_id = $1 and q.builder_id = b.id and q.state = 'pending'
      order by q.priority desc, q.id limit ${SHOWN + 1}) r
    where bw.org_id = $1 and bw.worker_id = $2
    order by r.priority desc, r.id limit ${SHOWN + 1}`,
};
