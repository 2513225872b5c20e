/** A machine's worker has logged in, as whoever holds its connection says (T6). */
import type { Queryable } from "../../db/pool";
import { Batch, StaleState } from "../../db/transition";
import type { OrgId, WorkerId } from "../../domain/ids";
import type { LatentState } from "../../domain/latent";
import { machineRuns, moveLatent } from "./moves";

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
  const [latent] = await q.rows<{ id: number; orgId: OrgId; state: LatentState }>(
    {
      name: "latent-arrival",
      text: `select id, org_id as "orgId", state from latent_worker where worker_id = $1 and is_latent`,
    },
    [workerId],
  );
  if (!latent) return false;
  if (latent.state !== "starting") return true;
  const { id, orgId, state } = latent;
  const batch = new Batch(orgId);
  moveLatent(batch, { id, workerId, facts: { state } }, "substantiated", {
    reason: "its machine has logged in",
    actor,
    set: { missing_at: null },
    where: `exists (select from worker w join worker_session s on s.id = w.session_id
      where w.id = worker_id and s.generation = latent_worker.generation)`,
  });
  machineRuns(batch, actor);
  try {
    await batch.commit(q);
  } catch (error) {
    if (!(error instanceof StaleState)) throw error;
  }
  return true;
}
