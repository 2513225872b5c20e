/**
 * The locks of one step (CORE §11), while it runs.
 *
 * Nothing of it stands in the step's log, which has to say the same when the step is carried on elsewhere.
 *
 *   asked      all of them at once: free, they are taken and nobody hears of it
 *   in line    else it stands in the line of each, and says whom it waits for
 *   acquired   as soon as all are free and nobody is ahead; those after it see it as a holder
 *
 * Stopped, it leaves the lines; so it does when the build ends for any reason. While its worker is waited
 * for, it keeps its place.
 */
import type { Queryable } from "../../db/pool";
import { Batch, StaleState } from "../../db/transition";
import type { StepId } from "../../domain/ids";
import type { LockAccess, LockBook, LockGrant, LockWorker } from "../../domain/locks";
import type { BuildKeys } from "../execute/build-store";
import { loadLocks } from "./load-locks";
import type { LocksMoved } from "./locks-moved";
import { takeLocks } from "./own-locks";

export interface AcquireContext {
  readonly db: Queryable;
  readonly locksMoved: LocksMoved;
  readonly insist: <T>(what: string, work: () => Promise<T>) => Promise<T>;
  /** What it waits for was written: screens want to know. */
  readonly announce: () => void;
}

export interface AcquireOrder {
  readonly keys: BuildKeys;
  readonly stepId: StepId;
  readonly locks: readonly LockAccess[];
  readonly worker: LockWorker;
  /** What the step says when it has them. */
  readonly description: string;
  readonly stop: AbortSignal;
}

/** @returns false when it was stopped before it had them */
export async function acquire(context: AcquireContext, order: AcquireOrder): Promise<boolean> {
  const { stop } = order;
  let said: string | null = null;
  while (!stop.aborted) {
    // From before the look, so that nothing is let go unheard between the two.
    const moved = context.locksMoved.next(stop);
    try {
      const outcome = await tryOnce(context, order, said !== null);
      if (outcome === "acquired") return true;
      if (outcome === "raced") continue;
      if (outcome.sentence !== said) {
        await context.insist("a step waits for locks", () =>
          stand(context.db, order, outcome.sentence),
        );
        context.announce();
        const isFirst = said === null;
        said = outcome.sentence;
        // Whoever let go before it stood in line did not know of it.
        if (isFirst) continue;
      }
      await moved.happened;
    } finally {
      moved.cancel();
    }
  }
  return false;
}

async function tryOnce(
  context: AcquireContext,
  order: AcquireOrder,
  wasWaiting: boolean,
): Promise<"acquired" | "raced" | { readonly sentence: string }> {
  const { stepId, locks, worker, keys } = order;
  const book = await look(context, order);
  // A step that is carried on has them already.
  if (book.isHeldByStep(stepId)) return "acquired";
  const own = locks.find(({ name }) => book.isHeldBy(name, keys.fence.buildId));
  if (own) throw new Error(`the build holds lock ${own.name} already`);
  const answer = book.ask(locks, worker, stepId);
  if ("granted" in answer) {
    return (await take(context, order, answer.granted, wasWaiting)) ? "acquired" : "raced";
  }
  const { lock, why } = answer.refused;
  return { sentence: `waiting for lock ${lock}, ${why}` };
}

async function look(context: AcquireContext, order: AcquireOrder): Promise<LockBook> {
  const names = order.locks.map(({ name }) => name);
  const { keys, worker } = order;
  return context.insist("locks of a step", () =>
    loadLocks(context.db, keys.orgId, names, [worker.id]),
  );
}

/** @returns false when somebody was quicker */
async function take(
  context: AcquireContext,
  order: AcquireOrder,
  grants: readonly LockGrant[],
  wasWaiting: boolean,
): Promise<boolean> {
  const { keys, stepId, description } = order;
  const { buildId } = keys.fence;
  try {
    await context.insist("locks taken", async () => {
      const batch = new Batch(keys.orgId).fenced(keys.fence);
      const step = batch.value(stepId, "bigint");
      const org = batch.value(keys.orgId, "bigint");
      takeLocks(batch, org, grants, batch.value(buildId, "bigint"), step);
      batch.with("left_line", `delete from lock_waiter where step_id = ${step} returning id`);
      const text = batch.value(description, "text");
      batch.with(
        "acquired",
        `update step set locks_acquired_at = now(), state_string = ${text}
         where id = ${step} and state = 'running' returning id, org_id, build_id`,
        1,
      );
      batch.with(
        "said",
        `update build set state_string = ${text} where id = ${batch.value(buildId)}`,
      );
      batch.tell("acquired", "steps/{id}/updated", { buildId: "build_id" });
      await batch.commit(context.db);
    });
    if (wasWaiting) context.announce();
    return true;
  } catch (error) {
    if (!(error instanceof StaleState)) throw error;
    if (await holds(context, order)) return true;
    // Taken by somebody else, or the build is not ours any more: the next look or write will tell.
    await context.insist("still ours", () => assertOurs(context.db, order));
    return false;
  }
}

/** Stands in the line of each of its locks, once, and says whom it waits for. */
async function stand(q: Queryable, order: AcquireOrder, sentence: string): Promise<void> {
  const { keys, stepId, worker, locks } = order;
  const batch = new Batch(keys.orgId).fenced(keys.fence);
  const step = batch.value(stepId, "bigint");
  const build = batch.value(keys.fence.buildId, "bigint");
  const org = batch.value(keys.orgId, "bigint");
  const text = batch.value(sentence.slice(0, 500), "text");
  const wanted = locks
    .filter(({ isExclusive, count }) => isExclusive || count > 0)
    .map(({ name, isExclusive, count }) => ({ name, is_exclusive: isExclusive, count }));
  batch.with(
    "in_line",
    `insert into lock_waiter (org_id, lock_id, scope, build_id, step_id, is_exclusive, count)
     select ${org}, l.id, case l.kind when 'MasterLock' then 0 else ${batch.value(worker.id, "bigint")} end,
       ${build}, ${step}, x.is_exclusive, x.count
     from jsonb_to_recordset(${batch.value(JSON.stringify(wanted), "jsonb")})
       as x (name text, is_exclusive boolean, count int)
     join lock l on l.org_id = ${org} and l.name = x.name and l.removed_at is null
     on conflict (step_id, lock_id) do nothing`,
  );
  batch.with(
    "told",
    `update step set state_string = ${text} where id = ${step} and state = 'running'
     returning id, org_id, build_id`,
    1,
  );
  batch.with("said", `update build set state_string = ${text} where id = ${build}`);
  batch.tell("told", "steps/{id}/updated", { buildId: "build_id" });
  await batch.commit(q);
}

/** An answer that was lost on its way says nothing of what was written. */
async function holds(context: AcquireContext, { stepId, keys }: AcquireOrder): Promise<boolean> {
  const rows = await context.insist("locks held", () =>
    context.db.rows(
      "select from step where id = $1 and build_id = $2 and locks_acquired_at is not null",
      [stepId, keys.fence.buildId],
    ),
  );
  return rows.length > 0;
}

async function assertOurs(q: Queryable, { keys }: AcquireOrder): Promise<void> {
  await new Batch(keys.orgId).fenced(keys.fence).commit(q);
}
