/**
 * Pending requests go to free workers (C-100 to C-103).
 *
 * Runs at once when something may have become possible: a request came, a worker attached or
 * became free, a pause or quarantine ended. It may run in several processes at the same time: the
 * claims decide, not a lock.
 */
import type { Queryable } from "../../db/pool";
import type { OrgId, ProcessId, WorkerId } from "../../domain/ids";
import { type Assignment, assign, Misfits, type WaitingBuilder } from "../../domain/scheduling";
import { findMisfits } from "../latent/machine-scope";
import { claim } from "./claim";
import { withinLimits } from "./limits";
import { loadWaiting, lockBook } from "./queue";

export interface DistributeContext {
  readonly db: Queryable;
  readonly actor: string;
  readonly now: () => number;
  /** Tell a process that builds wait for it. */
  readonly tell: (owner: ProcessId) => void;
  /** Of a process that drives latent workers; absent: those without a machine get no builds. */
  readonly latent?: {
    readonly processId: ProcessId;
    /** A build wants this one. */
    readonly see: (workerId: WorkerId) => void;
  };
}

/** Claims that come to nothing several times in a row: the next wake-up, or the sweep, tries again. */
const FRUITLESS_ROUNDS = 5;

/** @returns how many builds were made */
export async function distribute(context: DistributeContext, orgId: OrgId): Promise<number> {
  let made = 0;
  let fruitless = 0;
  // Until nothing fits any more. A claim that was refused means that somebody else was quicker with
  // its request or its worker, but not that he saw the other of the two; and one round sees only so
  // many workers of each builder.
  while (fruitless < FRUITLESS_ROUNDS) {
    const { latent } = context;
    const all = await loadWaiting(context.db, orgId, latent !== undefined);
    const waiting = await withinLimits(context.db, orgId, all);
    const assignments = await assigned(context, orgId, waiting);
    if (assignments.length === 0) break;
    const claims = await Promise.allSettled(
      assignments.map(async (assignment) => {
        const here = latent?.processId ?? null;
        const claimed = await claim(context.db, orgId, assignment, context.actor, here);
        if (claimed && assignment.latent) latent?.see(assignment.workerId);
        if (claimed) context.tell(claimed.ownerId);
        return claimed !== null;
      }),
    );
    const got = claims.filter((each) => each.status === "fulfilled" && each.value).length;
    made += got;
    fruitless = got === 0 ? fruitless + 1 : 0;
    // What was claimed beside it stands and its owner knows; this one is tried again by the job.
    const failed = claims.find((each) => each.status === "rejected");
    if (failed) throw failed.reason;
  }
  return made;
}

/** What a machine that is there was made with may not do for a build: so often others are looked for. */
const MISFIT_ROUNDS = 20;

async function assigned(
  { db, now }: DistributeContext,
  orgId: OrgId,
  waiting: readonly WaitingBuilder[],
): Promise<Assignment[]> {
  const misfits = new Misfits();
  for (let round = 0; round < MISFIT_ROUNDS; round += 1) {
    const found = assign(waiting, now(), await lockBook(db, orgId, waiting), misfits);
    if (!(await findMisfits(db, found, misfits))) return found;
  }
  // Those that are still wrong wait for the next round.
  const found = assign(waiting, now(), await lockBook(db, orgId, waiting), misfits);
  await findMisfits(db, found, misfits);
  return found.filter(
    ({ requestId, workerId, latent }) => latent?.needsOther || !misfits.has(requestId, workerId),
  );
}
