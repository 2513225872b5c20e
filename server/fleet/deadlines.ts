/**
 * What must happen to workers at a certain time. Times are rows of `deadline`; a delayed job is the
 * alarm clock, and the sweep stands behind it. Whoever looks, however often, each is acted on once.
 */
import type { Queryable } from "../db/pool";
import type { LossId, OrgId } from "../domain/ids";
import { dueMails } from "./mails/mailbox";
import { LOSSES } from "./missing/loss-mails";
import { noticeDue } from "./missing/notice";
import { noteOverdueStops } from "./notices/note";
import { NOTICES } from "./notices/notice-mails";
import { releaseDue } from "./quarantine/release";

export interface DeadlinesContext {
  readonly db: Queryable;
  readonly actor: string;
  /** Ours, as others know it: for the ids of mails. */
  readonly host: string;
  /** Requests of this organisation may find a worker now. */
  readonly wake: (orgId: OrgId) => void;
  /** Somebody is to be told of this loss. */
  readonly tellOf: (lossId: LossId) => void;
  /** People are to be told of this notice. */
  readonly tellNotice: (id: number) => void;
  readonly announce: () => void;
}

export type Alarm = [id: string, afterMs: number];

/** For the end of a quarantine. */
export function quarantineAlarm(quarantine: {
  readonly workerId: number;
  readonly seconds: number;
  readonly generation: number;
}): Alarm {
  const { workerId, generation, seconds } = quarantine;
  return [`quarantine-${workerId}-${generation}`, seconds * 1000];
}

/** For a worker that will be missing then. A thousand that are lost together share a few alarms. */
export function missingAlarm(afterMs: number, now: number): Alarm {
  const second = Math.ceil((now + afterMs) / 1000);
  return [`missing-${second}`, second * 1000 - now];
}

export async function fireDeadlines(context: DeadlinesContext): Promise<void> {
  const { db, actor, host } = context;
  const released = await releaseDue(db, actor);
  const noticed = await noticeDue(db, actor, host);
  if (released.size + noticed > 0) context.announce();
  for (const orgId of released) context.wake(orgId);
  for (const lossId of await dueMails<LossId>(db, LOSSES)) context.tellOf(lossId);
  await noteOverdueStops(db);
  for (const id of await dueMails(db, NOTICES)) context.tellNotice(id);
}
