/**
 * What must happen to workers at a certain time. Times are rows of `deadline`; a delayed job is the
 * alarm clock, and the sweep stands behind it. Whoever looks, however often, each is acted on once.
 */
import type { Queryable } from "../db/pool";
import type { OrgId } from "../domain/ids";
import { releaseDue } from "./quarantine/release";

export interface DeadlinesContext {
  readonly db: Queryable;
  readonly actor: string;
  /** Requests of this organisation may find a worker now. */
  readonly wake: (orgId: OrgId) => void;
  readonly announce: () => void;
}

/** An alarm for the end of a quarantine: its id, and when from now. */
export function quarantineAlarm(quarantine: {
  readonly workerId: number;
  readonly seconds: number;
  readonly generation: number;
}): [id: string, afterMs: number] {
  const { workerId, generation, seconds } = quarantine;
  return [`quarantine-${workerId}-${generation}`, seconds * 1000];
}

export async function fireDeadlines(context: DeadlinesContext): Promise<void> {
  const released = await releaseDue(context.db, context.actor);
  if (released.size > 0) context.announce();
  for (const orgId of released) context.wake(orgId);
}
