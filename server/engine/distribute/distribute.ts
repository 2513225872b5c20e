/**
 * Pending requests go to free workers (C-100 to C-103).
 *
 * Runs at once when something may have become possible: a request came, a worker attached or
 * became free, a pause or quarantine ended. It may run in several processes at the same time: the
 * claims decide, not a lock.
 */
import type { Queryable } from "../../db/pool";
import type { OrgId, ProcessId } from "../../domain/ids";
import { assign } from "../../domain/scheduling";
import { claim } from "./claim";
import { loadWaiting } from "./queue";

export interface DistributeContext {
  readonly db: Queryable;
  readonly actor: string;
  readonly now: () => number;
  /** Tell a process that builds wait for it. */
  readonly tell: (owner: ProcessId) => void;
}

/** @returns how many builds were made */
export async function distribute(context: DistributeContext, orgId: OrgId): Promise<number> {
  let made = 0;
  for (;;) {
    const waiting = await loadWaiting(context.db, orgId);
    const assignments = assign(waiting, context.now());
    if (assignments.length === 0) return made;
    const claims = await Promise.all(
      assignments.map(async (assignment) => {
        const claimed = await claim(context.db, orgId, assignment, context.actor);
        if (claimed) context.tell(claimed.ownerId);
        return claimed;
      }),
    );
    const got = claims.filter((claimed) => claimed !== null).length;
    made += got;
    // Somebody else was quicker with all of them, so somebody else is distributing: look again
    // only if a claim was refused while others went through.
    if (got === 0 || got === assignments.length) return made;
  }
}
