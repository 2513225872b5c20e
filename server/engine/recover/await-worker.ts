/**
 * A running build that waits for its worker to come back, and the process that carries it on.
 *
 * It waits as `running` without a session, with a deadline (`build-awaiting`). Whoever holds the
 * worker's next session takes it over, whether or not anybody has seen yet that the former session or
 * its process is gone: a worker has one session at a time, so the former one has ended. Owner, epoch
 * and session change together; what the former owner still writes changes nothing.
 */
import type { Queryable } from "../../db/pool";
import type { Fence } from "../../db/transition";
import type { ProcessId, SessionId, WorkerId } from "../../domain/ids";

/** From when somebody has seen that the worker is away. */
export const AWAITED_SECONDS = 120;

/** @returns false when somebody else has ended it or carries it on */
export async function awaitWorker(
  q: Queryable,
  { buildId, ownerId, ownerEpoch }: Fence,
  actor: string,
  reason: string,
): Promise<boolean> {
  const rows = await q.rows(
    {
      name: "await-worker",
      text: `with waiting as (
          update build b set session_id = null, owner_epoch = owner_epoch + 1,
            state_string = left('waiting for worker ' || w.name || ' to come back (until '
              || to_char((now() + interval '${AWAITED_SECONDS} seconds') at time zone 'UTC', 'HH24:MI:SS') || ' UTC)', 500)
          from worker w
          where b.id = $1 and b.owner_id = $2 and b.owner_epoch = $3 and b.state = 'running' and w.id = b.worker_id
          returning b.id, b.org_id, w.name),
        limited as (
          insert into deadline (org_id, kind, subject_id, fire_at, reason)
          select org_id, 'build-awaiting', id, now() + interval '${AWAITED_SECONDS} seconds',
            'worker ' || name || ' did not come back within ${AWAITED_SECONDS} s' from waiting
          on conflict (kind, subject_id) do update set fire_at = excluded.fire_at, reason = excluded.reason),
        history as (
          insert into transition (org_id, kind, subject_id, from_state, to_state, reason, actor)
          select org_id, 'build', id, 'running', 'running', $4, $5 from waiting)
        insert into outbox (org_id, topic, body)
        select org_id, 'builds/' || id || '/update', jsonb_build_object('id', id) from waiting returning id`,
    },
    [buildId, ownerId, ownerEpoch, reason, actor],
  );
  return rows.length > 0;
}

/**
 * Whether the machine of this session is being taken away by us. That may be seen first as a connection
 * that broke: nobody comes back from there.
 */
export async function isLetGo(q: Queryable, sessionId: SessionId): Promise<boolean> {
  const rows = await q.rows(
    {
      name: "is-let-go",
      text: "select from worker_session where id = $1 and generation is not null and end_requested = 'kill'",
    },
    [sessionId],
  );
  return rows.length > 0;
}

export interface Returned {
  readonly sessionId: SessionId;
  readonly processId: ProcessId;
  readonly workerId: WorkerId;
  readonly keeper: string;
}

/** What this worker keeps is run by this process, over this session, while it lasts. */
export async function takeOver(
  q: Queryable,
  { sessionId, processId, workerId, keeper }: Returned,
  actor: string,
): Promise<void> {
  await q.rows(
    {
      name: "take-over",
      text: `with held as (
          select id from worker_session where id = $1 and process_id = $2 and ended_at is null for share),
        taken as (
          update build b set owner_id = $2, owner_epoch = owner_epoch + 1, session_id = held.id,
            state_string = coalesce(
              (select s.state_string from step s where s.build_id = b.id and s.state = 'running' order by s.number limit 1),
              b.state_string)
          from held
          where b.worker_id = $3 and b.state = 'running' and b.state <> 'finished' and b.keeper = $4
            and b.session_id is distinct from held.id
          returning b.id, b.org_id),
        in_time as (
          delete from deadline d using taken where d.kind = 'build-awaiting' and d.subject_id = taken.id),
        history as (
          insert into transition (org_id, kind, subject_id, from_state, to_state, reason, actor)
          select org_id, 'build', id, 'running', 'running', 'its worker is back', $5 from taken)
        insert into outbox (org_id, topic, body)
        select org_id, 'builds/' || id || '/update', jsonb_build_object('id', id) from taken returning id`,
    },
    [sessionId, processId, workerId, keeper, actor],
  );
}

/** Builds that somebody began on this worker, and whoever kept them is not this process of it. */
export function unkept(
  q: Queryable,
  sessionId: SessionId,
  workerId: WorkerId,
  keeper: string | null,
): Promise<Fence[]> {
  return q.rows<Fence>(
    {
      name: "builds-unkept",
      text: `select id as "buildId", owner_id as "ownerId", owner_epoch as "ownerEpoch" from build
        where worker_id = $2 and state = 'running' and state <> 'finished' and keeper is distinct from $3
          and keeper is not null and session_id is distinct from $1`,
    },
    [sessionId, workerId, keeper],
  );
}

/** Of these workers, whose running builds some worker process keeps. */
export async function withKept(
  q: Queryable,
  workerIds: readonly WorkerId[],
): Promise<ReadonlySet<WorkerId>> {
  const rows = await q.rows<{ id: WorkerId }>(
    {
      name: "workers-with-kept-builds",
      text: `select distinct worker_id as id from build
        where worker_id = any($1) and state = 'running' and state <> 'finished' and keeper is not null`,
    },
    [workerIds],
  );
  return new Set(rows.map(({ id }) => id));
}

/** Sessions of this process for whose workers builds wait all the same. */
export function awaitedHere(
  q: Queryable,
  processId: ProcessId,
): Promise<{ readonly sessionId: SessionId; readonly workerId: WorkerId }[]> {
  return q.rows(
    {
      name: "awaited-here",
      text: `select distinct s.id as "sessionId", s.worker_id as "workerId"
        from deadline d join build b on b.id = d.subject_id and b.state = 'running'
        join worker_session s on s.worker_id = b.worker_id and s.ended_at is null
        where d.kind = 'build-awaiting' and s.process_id = $1`,
    },
    [processId],
  );
}

/**
 * Deadlines that count only while somebody is there for the worker to come back to: for as long as
 * they run, since the first of those who are.
 */
export const HAD_ITS_TIME = `exists (select from process p where p.kind = 'socket' and p.gone_at is null
  and p.lease_expires_at > now() and p.started_at <= now() - interval '${AWAITED_SECONDS} seconds')`;
