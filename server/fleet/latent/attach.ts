/** A machine's worker has logged in, as whoever holds its connection says (T6). */
import type { Queryable } from "../../db/pool";
import { Batch, StaleState } from "../../db/transition";
import type { OrgId, WorkerId } from "../../domain/ids";
import type { LatentState } from "../../domain/latent";
import { machineRuns, moveLatent } from "./changes";

/** Whoever changed something in the same moment has written it: the next look sees that. */
const TRIES = 5;

/**
 * Idempotent; of no consequence for a worker that is not latent. Whoever drives it comes to the same
 * if this was never said.
 * @returns whether it was awaited, so that somebody is to give it to those who wait
 */
export async function noteArrival(
  q: Queryable,
  workerId: WorkerId,
  actor: string,
): Promise<boolean> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const [latent] = await q.rows<Arriving>(
      {
        name: "latent-arrival",
        text: `select id, org_id as "orgId", state from latent_worker where worker_id = $1 and is_latent`,
      },
      [workerId],
    );
    if (!latent) return false;
    if (latent.state !== "starting") return true;
    try {
      await arrive(q, latent, workerId, actor);
      return true;
    } catch (error) {
      if (!(error instanceof StaleState)) throw error;
    }
  }
  return true;
}

interface Arriving {
  readonly id: number;
  readonly orgId: OrgId;
  readonly state: LatentState;
}

async function arrive(
  q: Queryable,
  { id, orgId, state }: Arriving,
  workerId: WorkerId,
  actor: string,
): Promise<void> {
  const batch = new Batch(orgId);
  moveLatent(batch, { id, workerId, facts: { state } }, "substantiated", {
    reason: "its machine has logged in",
    actor,
    set: { missing_at: null },
    where: `exists (select from worker w join worker_session s on s.id = w.session_id
      where w.id = worker_id and s.generation = latent_worker.generation)`,
  });
  machineRuns(batch, actor);
  await batch.commit(q);
}
