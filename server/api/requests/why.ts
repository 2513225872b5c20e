import type { Queryable } from "../../db/pool";
import { adviceOn } from "../../domain/latent/advice";
import type { Waiting } from "../../domain/scheduling";

/** The sentence a person reads, and a way to what would unblock it. */
export interface Why {
  code: Waiting["code"] | "moving";
  sentence: string;
  link: WhyLink | null;
  /** When it may be otherwise, milliseconds since the epoch; null: when something happens. */
  until: number | null;
  /** What its worker fell over, as long as it rests for that. */
  cause: WhyCause | null;
}

export interface WhyLink {
  kind: "worker" | "pool" | "limits";
  /** Of the organisation's limits: 0. */
  id: number;
  /** What of the sentence leads there; where it has no such words they stand behind it. */
  text: string;
}

export interface WhyCause {
  words: string;
  /** What a person may do about it. */
  advice: string | null;
  /** The machine that it was; null: no machine failed. */
  instanceId: number | null;
}

const MOVING: Why = {
  ...{ code: "moving", sentence: "It is being looked at just now.", link: null },
  ...{ until: null, cause: null },
};

/** @param waiting without those that were claimed or cancelled between two reads */
export async function explained(
  tx: Queryable,
  orgId: number,
  waiting: ReadonlyMap<number, Waiting>,
): Promise<(requestId: number) => Why> {
  const resting = [...waiting.values()].flatMap((why) => why.resting ?? []);
  const causes = await causesOf(tx, orgId, resting);
  return (requestId) => {
    const why = waiting.get(requestId);
    if (why === undefined) return MOVING;
    const { code, sentence, until = null, resting: worker } = why;
    return { code, sentence, until, link: linkOf(why), cause: causes.get(worker ?? 0) ?? null };
  };
}

function linkOf({ code, worker, pool }: Waiting): WhyLink | null {
  if (code === "limited") return { kind: "limits", id: 0, text: "Limits and cost" };
  if (worker) return { kind: "worker", id: worker.id, text: worker.name };
  return pool ? { kind: "pool", id: pool.id, text: `pool ${pool.name}` } : null;
}

async function causesOf(tx: Queryable, orgId: number, workerIds: readonly number[]) {
  if (workerIds.length === 0) return new Map<number, WhyCause>();
  const rows = await tx.rows<{
    workerId: number;
    words: string;
    instanceId: number | null;
    advice: string | null;
  }>(CAUSES, [orgId, [...new Set(workerIds)]]);
  return new Map(
    rows.map(({ workerId, ...cause }): [number, WhyCause] => [
      workerId,
      { ...cause, advice: adviceOn(cause.words) ?? cause.advice },
    ]),
  );
}

/** The newest machine is the one that failed, if it did. */
const CAUSES = {
  name: "causes-of-rest",
  text: `
    select w.id as "workerId", w.quarantine_reason as words, i.id as "instanceId", i.end_advice as advice
    from worker w left join lateral (
      select x.id, x.end_advice, x.is_failed from instance x where x.worker_id = w.id order by x.id desc limit 1
    ) i on i.is_failed
    where w.org_id = $1 and w.id = any($2) and w.quarantine_reason is not null`,
};
