/** The machine of a latent worker has logged in, in the process that holds its connection. */
import type { Queryable } from "../../db/pool";
import type { ProcessId, WorkerId } from "../../domain/ids";
import { noteArrival } from "../../fleet";
import { releaseWaiting } from "./waiting";

export interface ArrivalContext {
  readonly db: Queryable;
  readonly actor: string;
  readonly announce: () => void;
  /** A process has builds to begin. */
  readonly tell: (owner: ProcessId) => void;
  readonly log: (message: string, fields: Record<string, unknown>) => void;
  readonly insist: <T>(what: string, work: () => Promise<T>) => Promise<T>;
}

/** Never rejects: whoever drives the worker comes to the same, a little later. */
export async function machineHere(context: ArrivalContext, workerId: WorkerId): Promise<void> {
  const { db, actor, insist } = context;
  try {
    await insist("arrival of a machine", () => noteArrival(db, workerId, actor));
    const owners = await insist("builds for a machine", () => releaseWaiting(db, workerId, actor));
    context.announce();
    for (const owner of owners) context.tell(owner);
  } catch (error) {
    context.log("builds of a machine left for the next look", { worker: workerId, error });
  }
}
