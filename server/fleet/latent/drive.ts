/**
 * Drives latent workers: looks at one, does what is next, looks again, until there is nothing to do
 * but wait. It is called for every reason to look (a build wants it, its machine logged in, a build on
 * it ended, its time has come, its driver died) and does not ask which one it was.
 *
 * Nothing is kept in memory between two steps. What is to be done is written before the provider is
 * asked, and every call of a provider may be repeated, so a process may die anywhere: another one looks
 * at the row and goes on.
 */
import { StaleState } from "../../db/transition";
import type { WorkerId } from "../../domain/ids";
import { nextStep } from "../../domain/latent";
import { mergeCallsPer } from "../../events/merge-calls";
import type { LatentContext, LatentFleet } from "./context";
import { Ends } from "./ends";
import { giveBack, type Hold, hold, letGoOf } from "./hold";
import { InLine } from "./in-line";
import { loadLatent } from "./load";
import { Seeing } from "./seeing";
import { Starts } from "./starts";
import { Turns } from "./turns";
import { lookAt } from "./visits";

/** More in one go are a fault of ours; the next look is a little later. */
const STEPS_AT_ONCE = 50;
const LATER_SECONDS = 5;

export function createLatentFleet(context: LatentContext): LatentFleet {
  const starts = new Starts();
  const driven = new Set<WorkerId>();
  const look = mergeCallsPer(
    async (workerId: WorkerId) => {
      driven.add(workerId);
      try {
        await drive(context, fleet, starts, workerId);
      } finally {
        driven.delete(workerId);
      }
    },
    (error, worker) => context.log("latent worker left for the next look", { worker, error }),
  );
  const fleet: LatentFleet = {
    turns: new Turns(),
    ends: new Ends(),
    see(workerId) {
      starts.reconsider(workerId);
      return look(workerId);
    },
    reconsider(workerId) {
      starts.reconsider(workerId);
      if (workerId !== undefined && !driven.has(workerId)) void look(workerId);
    },
  };
  return fleet;
}

async function drive(
  context: LatentContext,
  fleet: LatentFleet,
  starts: Starts,
  workerId: WorkerId,
): Promise<void> {
  const { db, insist } = context;
  const held = await hold(db, workerId, context.processId);
  if (held === null) return;
  if ("holder" in held) {
    // It may be waiting for its cloud, and what it waits for be needed no more.
    context.tellHolder(held.holder, workerId);
    return;
  }
  try {
    do {
      await run(context, fleet, starts, held);
    } while (!(await letGoOf(db, held)));
  } catch (error) {
    // It is due, so that somebody looks at it at the next sweep, and who that is does not matter.
    await insist("a latent worker let go", () => giveBack(db, held));
    throw error;
  }
}

async function run(
  context: LatentContext,
  fleet: LatentFleet,
  starts: Starts,
  held: Hold,
): Promise<void> {
  const { db } = context;
  for (let steps = 0; steps < STEPS_AT_ONCE; steps += 1) {
    starts.looking(held.workerId);
    const latent = await loadLatent(db, held.workerId);
    // Taken over: we were thought dead.
    if (latent?.epoch !== held.epoch) return;
    const isSaidToEnd = fleet.ends.isSaid(held.workerId, latent.machine?.id);
    const step = nextStep({ ...latent.facts, isSaidToEnd });
    if (step.do === "wait") {
      await lookAt(context, latent, step.until);
      return;
    }
    try {
      await new Seeing(context, fleet, starts, held, latent).take(step);
    } catch (error) {
      if (error instanceof InLine) {
        context.announce();
        return lookAt(context, latent, latent.facts.missingAt);
      }
      // Somebody wanted it, or it logged in, or it was taken over: look again.
      if (!(error instanceof StaleState)) throw error;
    }
    context.announce();
  }
  context.log("a latent worker does not come to rest", { worker: held.workerId });
  const latent = await loadLatent(db, held.workerId);
  if (latent) await lookAt(context, latent, latent.facts.now + LATER_SECONDS * 1_000);
}
