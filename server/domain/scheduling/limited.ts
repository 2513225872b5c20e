/**
 * Limits of the organisation on machines, before requests are given to workers (W-144): a worker for
 * which no machine may be made is no candidate, so that the request waits in line and says why.
 */
import type { CapState, Room } from "../instances/caps";
import { type Candidate, needsMachine, type WaitingBuilder } from "./assign";

/** One more machine. */
const needsPlace = ({ latent }: Candidate) => latent?.state === "insubstantiated";

/** Why no machine may be made for this worker; null: one may, or it needs none. */
export function limitOn(worker: Candidate, room: Room): CapState | null {
  const closed = closedBy(room);
  if (closed) return needsMachine(worker) ? closed : null;
  return room.left === 0 && needsPlace(worker) ? room.reached : null;
}

/** Hours and money hold for a machine in the place of another one, too. */
const closedBy = ({ states }: Room) =>
  [...states].reverse().find(({ cap, isReached }) => isReached && cap !== "max_instances") ?? null;

export interface Limited {
  readonly builders: WaitingBuilder[];
  /** The limit that some request waits for; null: none does. */
  readonly reached: CapState | null;
}

/**
 * Without the workers for which there is no room. Of more than there is room for, those that come first
 * stay; the distributor comes again for the others when it has given these.
 */
export function withinRoom(waiting: readonly WaitingBuilder[], room: Room): Limited {
  const kept = new Set<number>();
  let reached: CapState | null = null;
  const builders = waiting.flatMap((builder): WaitingBuilder[] => {
    const workers = builder.workers.filter((worker) => {
      if (limitOn(worker, room)) return false;
      if (!needsPlace(worker) || room.left === null || kept.has(worker.workerId)) return true;
      if (kept.size >= room.left) return false;
      kept.add(worker.workerId);
      return true;
    });
    if (workers.length < builder.workers.length && workers.length < builder.requests.length) {
      reached ??= closedBy(room) ?? room.reached;
    }
    return workers.length === 0 ? [] : [{ ...builder, workers }];
  });
  return { builders, reached };
}
