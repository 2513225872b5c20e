"use client";

import { type StateName, Status } from "@/app/_features/status";
import { Timed } from "@/app/_ui/timed";
import type { PoolSummary } from "@/server/api/pools/row";

/** How the pool stands, in a word and the tightest reason why it is not larger. */
export function PoolState({ pool }: { pool: PoolSummary }) {
  const [state, word] = stateOf(pool);
  const [limit] = pool.limits;
  const { backoff } = pool;
  return (
    <span>
      <span className="mr-2.5 inline-flex align-bottom">
        <Status state={state} word={word} title="" />
      </span>
      {limit ? (
        <span className="break-words text-muted">
          It <Timed text={limit.sentence} until={limit.until} />
        </span>
      ) : backoff ? (
        // Nothing waits for it now; the next that does would.
        <span className="break-words text-muted">Its machines did not start: {backoff.reason}</span>
      ) : null}
    </span>
  );
}

/** Null: it makes machines for what waits, within its limits. */
export function holdOf({
  steering,
  backoff,
}: Pick<PoolSummary, "steering" | "backoff">): readonly [StateName, string] | null {
  if (steering) return steering.how === "hold" ? ["paused", "held"] : ["draining", "draining"];
  return backoff ? ["quarantined", "backing off"] : null;
}

export function stateOf(pool: PoolSummary): readonly [StateName, string] {
  const { counts, limits } = pool;
  const hold = holdOf(pool);
  if (hold) return hold;
  if (counts.starting > 0) return ["starting", "growing"];
  if (counts.stopping > 0) return ["stopping", "shrinking"];
  if (limits.length > 0 && pool.queue > 0) return ["warnings", "at its limit"];
  if (counts.busy > 0) return ["building", "building"];
  if (counts.idle > 0) return ["idle", "ready"];
  return ["dormant", "at rest"];
}
