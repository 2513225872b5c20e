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
/** So many machines are wanted at once: the first is asked for before the last is wanted. */
const MACHINES_AT_ONCE = 4;

/**
 * One round for workers that are there, which need no more than a claim: how many machines are wanted
 * besides does not keep them waiting. Where locks are, turns are taken at them among all requests, and
 * it is left to `distribute`.
 *
 * @returns how many builds were made
 */
export async function distributeToThere(context: DistributeContext, orgId: OrgId): Promise<number> {
  const waiting = await loadWaiting(context.db, orgId, false);
  if (waiting.some(hasLocks)) return 0;
  const assignments = await assigned(context, orgId, waiting);
  return claimAll(context, orgId, assignments.filter(isThere));
}

/** @returns how many builds were made */
export async function distribute(context: DistributeContext, orgId: OrgId): Promise<number> {
  let made = 0;
  let fruitless = 0;
  // Until nothing fits any more. A claim that was refused means that somebody else was quicker with
  // its request or its worker, but not that he saw the other of the two; and one round sees only so
  // many workers of each builder.
  while (fruitless < FRUITLESS_ROUNDS) {
    const all = await loadWaiting(context.db, orgId, context.latent !== undefined);
    const waiting = await withinLimits(context.db, orgId, all);
    const assignments = await assigned(context, orgId, waiting);
    if (assignments.length === 0) break;
    let got = await claimAll(context, orgId, assignments.filter(isThere));
    const machines = assignments.filter((assignment) => !isThere(assignment));
    for (let at = 0; at < machines.length; at += MACHINES_AT_ONCE) {
      got += await claimAll(context, orgId, machines.slice(at, at + MACHINES_AT_ONCE));
    }
    made += got;
    fruitless = got === 0 ? fruitless + 1 : 0;
  }
  return made;
}

const isThere = ({ sessionId }: Assignment) => sessionId !== null;
const hasLocks = ({ locks = [], workers }: WaitingBuilder) =>
  locks.length > 0 || workers.some((worker) => (worker.locks ?? []).length > 0);

async function claimAll(
  { db, actor, tell, latent }: DistributeContext,
  orgId: OrgId,
  assignments: readonly Assignment[],
): Promise<number> {
  const here = latent?.processId ?? null;
  const claims = await Promise.allSettled(
    assignments.map(async (assignment) => {
      const claimed = await claim(db, orgId, assignment, actor, here);
      if (claimed && assignment.latent) latent?.see(assignment.workerId);
      if (claimed) tell(claimed.ownerId);
      return claimed !== null;
    }),
  );
  // What was claimed beside it stands and its owner knows; this one is tried again by the job.
  const failed = claims.find((each) => each.status === "rejected");
  if (failed) throw failed.reason;
  return claims.filter((each) => each.status === "fulfilled" && each.value).length;
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
