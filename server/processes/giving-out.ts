/**
 * Requests are given out in the `jobs` process: at once to workers that are there, and beside that to
 * machines that have to be made. The second takes connections of its own to the database, and few, so
 * that however many machines are wanted, a build whose worker is there does not wait behind them; and
 * while such a build gets under way, they leave it most of the processors.
 */
import type { Queryable } from "../db/pool";
import type { RightOfWay } from "../db/right-of-way";
import type { OrgId } from "../domain/ids";
import { type DistributeContext, distributeToThere, giveOut, type TendContext } from "../engine";
import { mergeCalls } from "../events/merge-calls";

/** A build that was given out is prepared and runs its first steps: most short ones are over by then. */
const FIRST_MS = 100;

export interface GivingOut {
  /** Settles when workers that are there have theirs; the rest goes on and never fails: the sweep comes anyway. */
  distribute(orgId: OrgId): Promise<void>;
  /** When nothing is under way any more. */
  close(): Promise<void>;
}

export function openGivingOut(
  there: Queryable,
  way: RightOfWay,
  tending: TendContext,
  distributing: DistributeContext,
  onError: (error: unknown) => void,
): GivingOut {
  /** Organisations whose requests are being given out. */
  const passes = new Map<OrgId, { again(): Promise<void>; done: Promise<void> }>();

  function giveOutAll(orgId: OrgId): void {
    const known = passes.get(orgId);
    if (known) {
      void known.again();
      return;
    }
    const again = mergeCalls(async () => {
      await giveOut(tending, distributing, orgId);
    }, onError);
    const done = again().finally(() => passes.delete(orgId));
    passes.set(orgId, { again, done });
  }

  return {
    async distribute(orgId) {
      try {
        const made = await distributeToThere({ ...distributing, db: there }, orgId);
        if (made > 0) way.goFirst(FIRST_MS);
      } finally {
        giveOutAll(orgId);
      }
    },
    async close() {
      await Promise.all([...passes.values()].map(({ done }) => done));
    },
  };
}
