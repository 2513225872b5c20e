/** The sentence beside each pending request, from the rules the distributor follows. */
import type { Queryable } from "../../db/pool";
import type { BuilderId, BuildRequestId, OrgId } from "../../domain/ids";
import {
  blockedBy,
  bookBefore,
  type Candidate,
  whyWaiting as explain,
  locksOf,
  mayGiveWay,
  type Waiting,
  type WaitingPool,
  whyNotOn,
} from "../../domain/scheduling";
import { fits } from "../latent/machine-scope";
import { withLimits } from "./limits";
import { CHOSEN_WORKER, loadCandidates, loadWaiting, lockBook } from "./queue";

export async function whyWaiting(
  q: Queryable,
  orgId: OrgId,
  requestIds: readonly number[],
  now: number,
): Promise<Map<number, Waiting>> {
  const { requests, candidates, pools } = await waitingNow(q, orgId, requestIds, now);
  const waiting = new Map<number, Waiting>();
  for (const { id, builder_id, ahead, chosen } of requests) {
    const workers = await withMisfits(q, id, candidates.get(builder_id) ?? [], now);
    waiting.set(id, explain(workers, ahead, now, chosen, pools.get(builder_id)));
  }
  return waiting;
}

export interface NotChosen extends Waiting {
  /** Of this worker alone: why it does not take the request. */
  readonly here: string;
}

/** The same, and what keeps this worker from taking them; requests that it may never take are left out. */
export async function whyNotChosen(
  q: Queryable,
  orgId: OrgId,
  workerId: number,
  requestIds: readonly number[],
  now: number,
): Promise<Map<number, NotChosen>> {
  const { requests, candidates, pools } = await waitingNow(q, orgId, requestIds, now);
  const waiting = new Map<number, NotChosen>();
  for (const { id, builder_id, ahead, chosen } of requests) {
    const able = await withMisfits(q, id, candidates.get(builder_id) ?? [], now);
    const worker = able.find((candidate) => candidate.workerId === workerId);
    if (!worker) continue;
    const here = whyNotOn(worker, ahead, now, chosen);
    waiting.set(id, { ...explain(able, ahead, now, chosen, pools.get(builder_id)), here });
  }
  return waiting;
}

/** Rendered for those alone that nothing else keeps from the request. */
async function withMisfits(
  q: Queryable,
  requestId: number,
  workers: readonly Candidate[],
  now: number,
): Promise<Candidate[]> {
  return Promise.all(
    workers.map(async (worker) => {
      const templated = worker.latent?.templated;
      if (!templated?.hash || mayGiveWay(worker) || blockedBy(worker, now) !== null) return worker;
      const isFit = await fits(q, requestId as BuildRequestId, worker.workerId, templated);
      return isFit ? worker : { ...worker, isMisfit: true };
    }),
  );
}

interface RequestAhead {
  readonly id: number;
  readonly builder_id: number;
  readonly ahead: number;
  readonly chosen: string | null;
}

async function waitingNow(q: Queryable, orgId: OrgId, requestIds: readonly number[], now: number) {
  if (requestIds.length === 0) {
    return { requests: [], candidates: new Map<number, never>(), pools: new Map<number, never>() };
  }
  const requests = await q.rows<RequestAhead>(
    {
      name: "requests-ahead",
      text: `select r.id, r.builder_id, ${CHOSEN_WORKER} as chosen,
          (select count(*) from build_request o where o.org_id = $1 and o.builder_id = r.builder_id and o.state = 'pending'
             and (o.priority > r.priority or (o.priority = r.priority and o.id < r.id))) as ahead
        from build_request r join builder b on b.id = r.builder_id
        where r.org_id = $1 and r.id = any($2) and r.state = 'pending'`,
    },
    [orgId, requestIds],
  );
  const builderIds = [...new Set(requests.map((row) => row.builder_id))];
  const candidates = await withLocks(q, orgId, builderIds, now);
  const pools = await poolsOf(q, orgId, builderIds);
  return { requests, candidates: await withLimits(q, orgId, candidates), pools };
}

/** As was last said of them: they are seen to before requests are given out. */
async function poolsOf(q: Queryable, orgId: OrgId, builderIds: readonly number[]) {
  const rows = await q.rows<WaitingPool & { builderId: number }>(
    {
      name: "pools-of-builders",
      text: `select x.builder_id as "builderId", p.id, p.name, coalesce(p.figures->'limits', '[]') as limits
        from builder_pool x join pool p on p.id = x.pool_id
        where x.org_id = $1 and x.builder_id = any($2) and p.removed_at is null order by p.name`,
    },
    [orgId, builderIds],
  );
  const pools = new Map<number, WaitingPool[]>();
  for (const { builderId, ...pool } of rows) {
    pools.set(builderId, [...(pools.get(builderId) ?? []), pool]);
  }
  return pools;
}

/** The workers of these builders, each with the lock that keeps a build from beginning on it. */
async function withLocks(
  q: Queryable,
  orgId: OrgId,
  builderIds: readonly number[],
  now: number,
): Promise<Map<number, Candidate[]>> {
  const builders = [...(await loadCandidates(q, orgId, builderIds))];
  const wanted = builders.map(([id, builder]) => ({
    id,
    workers: builder.workers.map((worker) => ({ worker, locks: locksOf(builder, worker) })),
  }));
  const isFree = wanted.every(({ workers }) => workers.every(({ locks }) => locks.length === 0));
  // Who is served before them counts only where there are locks to take turns at.
  const waiting = isFree ? [] : await loadWaiting(q, orgId);
  const all = await lockBook(q, orgId, [...waiting, ...builders.map(([, builder]) => builder)]);
  return new Map(
    wanted.map(({ id, workers }) => {
      const book = bookBefore(waiting, id as BuilderId, now, all.copy());
      return [
        id,
        workers.map(({ worker, locks }): Candidate => {
          const answer = book.ask(locks, { id: worker.workerId, name: worker.name });
          if ("granted" in answer) return worker;
          const { lock, why } = answer.refused;
          return { ...worker, waitsFor: `lock ${lock}, ${why}` };
        }),
      ];
    }),
  );
}
