/**
 * Builds whose owner is gone.
 *
 * A process that died, or let its lease lapse, has stopped its own work before (lease.ts). Its
 * sessions are ended and its builds end in RETRY, so that their requests wait again; those that a
 * worker keeps wait for it. Every write is a compare-and-set on owner and epoch: two sweepers at the
 * same time do it once.
 */
import { storableText } from "../../db/json-text";
import type { Queryable } from "../../db/pool";
import { Batch, Expression, type Fence, StaleState } from "../../db/transition";
import { historySql } from "../../db/worker-history";
import { lossSql } from "../../db/worker-loss";
import {
  type BuildState,
  CANCELLED,
  EXCEPTION,
  RETRY,
  type Result,
  resultName,
} from "../../domain/builds";
import type {
  BuildId,
  BuildRequestId,
  BuildsetId,
  LogId,
  OrgId,
  ProcessId,
  StepId,
} from "../../domain/ids";
import { quarantine } from "../../fleet";
import { settle } from "../execute/build-store";
import { awaitWorker } from "./await-worker";

interface Orphan {
  readonly buildId: BuildId;
  readonly orgId: OrgId;
  readonly ownerId: ProcessId;
  readonly ownerEpoch: number;
  readonly state: BuildState;
  readonly requestId: BuildRequestId;
  readonly buildsetId: BuildsetId;
  readonly isStopping: boolean;
  readonly isKept: boolean;
  readonly stepId: StepId | null;
  readonly openLogs: readonly LogId[];
}

const ORPHAN = `select b.id as "buildId", b.org_id as "orgId", b.owner_id as "ownerId", b.owner_epoch as "ownerEpoch", b.state,
    b.build_request_id as "requestId", r.buildset_id as "buildsetId", b.stop_requested_at is not null as "isStopping",
    b.state = 'running' and b.keeper is not null as "isKept",
    (select s.id from step s where s.build_id = b.id and s.state = 'running' limit 1) as "stepId",
    coalesce((select jsonb_agg(l.id) from log l where l.build_id = b.id and l.state = 'open'), '[]') as "openLogs"
  from build b join build_request r on r.id = b.build_request_id`;

/** Processes without a living lease, newly declared gone. */
export async function declareLapsed(q: Queryable): Promise<number> {
  const rows = await q.rows(
    `update process set gone_at = now(), gone_reason = 'its lease lapsed'
     where gone_at is null and lease_expires_at < now() returning id`,
  );
  return rows.length;
}

/** Sessions held by processes that are gone. @returns organisations whose workers are free again */
export async function endOrphanSessions(q: Queryable, actor: string): Promise<number> {
  const rows = await q.rows(
    `with ended as (
       update worker_session s set ended_at = now(), end_reason = 'the process that held it is gone'
       from process p where p.id = s.process_id and p.gone_at is not null and s.ended_at is null
       returning s.id, s.worker_id, s.org_id, s.end_reason),
     detached as (
       update worker w set session_id = nullif(w.session_id, e.id), last_seen_at = now() from ended e
       where w.id = e.worker_id),
     machines as (
       insert into deadline (org_id, kind, subject_id, fire_at, reason)
       select e.org_id, 'latent-worker', e.worker_id, now(), 'its connection is lost'
       from ended e join latent_worker l on l.worker_id = e.worker_id
       where l.state not in ('insubstantiated', 'shut-down') order by e.worker_id
       on conflict (kind, subject_id) do update set fire_at = excluded.fire_at, reason = excluded.reason),
     remembered as (
       ${historySql({ kind: "disconnected", from: "ended", reason: "end_reason", actor: "$1::text" })}),
     ${lossSql("from ended e join worker w on w.id = e.worker_id where w.session_id = e.id")}
     insert into outbox (org_id, topic, body)
     select org_id, 'workers/' || worker_id || '/disconnected', jsonb_build_object('id', worker_id) from ended
     returning id`,
    [actor],
  );
  return rows.length;
}

const AT_ONCE = 500;

/**
 * One that cannot be ended is reported and does not keep the others from being ended.
 * @returns the organisations whose requests may wait again
 */
export async function leaveOrphanBuilds(
  q: Queryable,
  actor: string,
  onError: (error: unknown, buildId: BuildId) => void,
): Promise<Set<OrgId>> {
  const touched = new Set<OrgId>();
  for (let after = 0; ; ) {
    const orphans = await q.rows<Orphan>(
      `${ORPHAN} join process p on p.id = b.owner_id
       where b.state <> 'finished' and p.gone_at is not null and b.id > $1
         and (b.state not in ('preparing', 'running') or b.session_id is not null) order by b.id limit ${AT_ONCE}`,
      [after],
    );
    for (const orphan of orphans) {
      try {
        const reason = "the process that ran it is gone";
        if (orphan.isKept) await awaitWorker(q, orphan, actor, reason);
        else await endOrphan(q, orphan, actor, RETRY, reason);
        touched.add(orphan.orgId);
      } catch (error) {
        onError(error, orphan.buildId);
      }
    }
    const last = orphans.at(-1);
    if (!last || orphans.length < AT_ONCE) return touched;
    after = last.buildId;
  }
}

/**
 * A build whose deadline passed while its owner lives: taken away from it.
 * @returns null when the deadline counts no more, or the build has just moved on
 */
export async function takeAway(
  q: Queryable,
  deadline: { readonly kind: string; readonly buildId: BuildId; readonly reason: string },
  actor: string,
): Promise<{ orgId: OrgId; ownerId: ProcessId } | null> {
  const [orphan] = await q.rows<Orphan>(
    `${ORPHAN} where b.id = $1 and b.state <> 'finished'
       and exists (select from deadline d where d.kind = $2 and d.subject_id = b.id and d.fire_at <= now())`,
    [deadline.buildId, deadline.kind],
  );
  if (!orphan || !(await endOrphan(q, orphan, actor, RETRY, deadline.reason))) return null;
  return { orgId: orphan.orgId, ownerId: orphan.ownerId };
}

/**
 * A build that its own owner cannot carry on. Nothing happens when it is over or not his.
 * @returns the organisation, whose request waits again after RETRY
 */
export async function giveUp(
  q: Queryable,
  { buildId, ownerId, ownerEpoch }: Pick<Fence, "buildId" | "ownerId"> & Partial<Fence>,
  actor: string,
  result: typeof RETRY | typeof EXCEPTION,
  reason: string,
): Promise<OrgId | null> {
  const [orphan] = await q.rows<Orphan>(
    `${ORPHAN} where b.id = $1 and b.owner_id = $2 and b.state <> 'finished'
       and b.owner_epoch = coalesce($3::int, b.owner_epoch)`,
    [buildId, ownerId, ownerEpoch ?? null],
  );
  if (!orphan) return null;
  return (await endOrphan(q, orphan, actor, result, storableText(reason))) ? orphan.orgId : null;
}

/** @returns false when somebody else has ended it, moved it on, or wants it stopped */
async function endOrphan(
  q: Queryable,
  orphan: Orphan,
  actor: string,
  unstopped: typeof RETRY | typeof EXCEPTION,
  reason: string,
): Promise<boolean> {
  const result: Result = orphan.isStopping ? CANCELLED : unstopped;
  const why = { reason, actor };
  const { buildId, ownerId, ownerEpoch } = orphan;
  const batch = new Batch(orphan.orgId).fenced({ buildId, ownerId, ownerEpoch });
  const build = batch.value(buildId, "bigint");
  batch.move("build", "build", buildId, {
    ...why,
    from: orphan.state,
    to: "finished",
    set: {
      result,
      state_string: `${resultName(result).toLowerCase()}: ${reason}`,
      complete_at: new Expression("now()"),
      owner_epoch: new Expression("owner_epoch + 1"),
    },
    // RETRY would undo a stop that came since.
    ...(result === RETRY ? { where: "stop_requested_at is null" } : {}),
    event: "builds/{id}/finished",
    body: { builderId: "builder_id", workerId: "worker_id", number: "number", result: "result" },
  });
  batch.moveAll("broken", "step", `build_id = ${build}`, {
    ...why,
    from: "running",
    to: "finished",
    set: { result, state_string: reason, complete_at: new Expression("now()") },
    event: "steps/{id}/finished",
    body: { buildId: "build_id", result: "result" },
  });
  batch.moveAll("skipped", "step", `build_id = ${build}`, {
    ...why,
    from: "pending",
    to: "skipped",
    set: { result: 3, state_string: "skipped" },
  });
  batch.moveAll("logs", "log", `build_id = ${build}`, {
    ...why,
    from: "open",
    to: "finished",
    event: "logs/{id}/finished",
    body: { buildId: "build_id", stepId: "step_id", lines: "line_count" },
  });
  settle(batch, { ...orphan, result }, why);
  if (result === EXCEPTION) quarantine(batch, "build", reason, actor);
  try {
    await batch.commit(q);
    return true;
  } catch (error) {
    // Finished, or taken over, by somebody else meanwhile; or the next look finds it as it is then.
    if (!(error instanceof StaleState)) throw error;
    return false;
  }
}
