/** What the limits of an organisation on machines leave of those who could take its requests (W-144). */
import type { Queryable } from "../../db/pool";
import type { OrgId } from "../../domain/ids";
import {
  type Candidate,
  limitOn,
  needsMachine,
  type WaitingBuilder,
  withinRoom,
} from "../../domain/scheduling";
import { loadRoom, noteReached } from "../../fleet";

/** People are told when a request waits for a limit, at most once a day for each. */
export async function withinLimits(
  q: Queryable,
  orgId: OrgId,
  waiting: WaitingBuilder[],
): Promise<WaitingBuilder[]> {
  if (!waiting.some(({ workers }) => workers.some(needsMachine))) return waiting;
  const { builders, reached } = withinRoom(waiting, await loadRoom(q, orgId, true));
  if (reached) await noteReached(q, orgId, reached);
  return builders;
}

/** The same for the sentence beside a request: each worker with the limit that keeps it from a machine. */
export async function withLimits(
  q: Queryable,
  orgId: OrgId,
  candidates: Map<number, Candidate[]>,
): Promise<Map<number, Candidate[]>> {
  const all = [...candidates.values()];
  if (!all.some((workers) => workers.some(needsMachine))) return candidates;
  const room = await loadRoom(q, orgId, true);
  if (room.reached === null) return candidates;
  return new Map(
    [...candidates].map(([id, workers]) => [
      id,
      workers.map((worker) => ({ ...worker, limit: limitOn(worker, room)?.sentence ?? null })),
    ]),
  );
}
