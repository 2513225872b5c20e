/**
 * Sessions in the database: which worker is connected, to which process.
 *
 * `worker.session_id` is the live session; a unique index allows one open row per worker. Both are
 * changed by compare-and-set only, so two processes can never both think they hold a worker.
 */
import { jsonText } from "../../db/json-text";
import type { Queryable } from "../../db/pool";
import type { OrgId, ProcessId, SessionId, WorkerId } from "../../domain/ids";
import type { BuilderRef, WorkerFacts } from "../../domain/wire";
import type { Hello } from "../../protocols/contract";

export interface KnownWorker {
  readonly id: WorkerId;
  readonly orgId: OrgId;
  readonly name: string;
  readonly sealedPassword: Buffer | null;
}

export async function findByLogin(q: Queryable, loginName: string): Promise<KnownWorker | null> {
  const [row] = await q.rows<KnownWorker>(
    {
      name: "worker-by-login",
      text: `select w.id, w.org_id as "orgId", w.name,
          case when w.password_secret is null then w.sealed_password else s.sealed end as "sealedPassword"
        from worker w left join secret s on s.org_id = w.org_id and s.name = w.password_secret
        where w.login_name = $1 and w.removed_at is null`,
    },
    [loginName],
  );
  return row ?? null;
}

export interface Holder {
  readonly sessionId: SessionId;
  readonly processId: ProcessId;
  readonly peer: string;
  /** Its process is gone or has let its lease lapse. */
  readonly isOrphan: boolean;
}

/** The new session's id, or who holds the worker now. */
export async function openSession(
  q: Queryable,
  worker: KnownWorker,
  processId: ProcessId,
  hello: Hello,
): Promise<{ sessionId: SessionId } | { holder: Holder }> {
  for (;;) {
    const [made] = await q.rows<{ id: SessionId }>(
      {
        name: "open-session",
        text: `insert into worker_session (org_id, worker_id, process_id, protocol, peer)
          values ($1, $2, $3, $4, $5) on conflict do nothing returning id`,
      },
      [
        worker.orgId,
        worker.id,
        processId,
        hello.protocol,
        `${hello.peer.address}:${hello.peer.port}`,
      ],
    );
    if (made) return { sessionId: made.id };
    const [holder] = await q.rows<Holder>(
      `select s.id as "sessionId", s.process_id as "processId", s.peer,
         (p.gone_at is not null or p.lease_expires_at < now()) as "isOrphan"
       from worker_session s join process p on p.id = s.process_id
       where s.worker_id = $1 and s.ended_at is null`,
      [worker.id],
    );
    // Ended between the two statements: try again.
    if (holder) return { holder };
  }
}

/**
 * The worker is ours and ready: it counts as connected from here on. The session's row is held, so
 * that its end comes before, and nothing is attached, or after, and sees what was attached.
 * @returns false when the session has ended meanwhile
 */
export async function attachSession(
  q: Queryable,
  worker: KnownWorker,
  sessionId: SessionId,
  facts: WorkerFacts,
): Promise<boolean> {
  const rows = await q.rows(
    {
      name: "attach-session",
      text: `with held as (
          select id, end_requested from worker_session where id = $2 and ended_at is null for update),
        attached as (
          update worker set session_id = held.id, facts = $3, last_seen_at = now(),
            is_draining = held.end_requested is not null
          from held where worker.id = $1 returning worker.id, worker.org_id),
        found as (delete from deadline where kind = 'worker-missing' and subject_id = $1)
        insert into outbox (org_id, topic, body)
        select org_id, 'workers/' || id || '/connected', jsonb_build_object('id', id) from attached
        returning id`,
    },
    [worker.id, sessionId, jsonText(facts)],
  );
  return rows.length > 0;
}

/** The connection is gone. Idempotent; a session that was taken over stays as it is. */
export async function endSession(
  q: Queryable,
  sessionId: SessionId,
  reason: string,
): Promise<void> {
  await q.rows(
    {
      name: "end-session",
      text: `with ended as (
          update worker_session set ended_at = now(), end_reason = $2
          where id = $1 and ended_at is null returning id, worker_id, org_id),
        detached as (
          update worker w set session_id = nullif(w.session_id, e.id), last_seen_at = now() from ended e
          where w.id = e.worker_id)
        insert into outbox (org_id, topic, body)
        select org_id, 'workers/' || worker_id || '/disconnected',
          jsonb_build_object('id', worker_id, 'reason', $2::text) from ended`,
    },
    [sessionId, reason],
  );
}

/**
 * The builders a worker serves, in the order of their names; those it was relieved of only once
 * their builds on it are over, because leaving them out would end what runs.
 */
export function buildersOf(q: Queryable, workerId: WorkerId): Promise<BuilderRef[]> {
  return q.rows<BuilderRef>(
    {
      name: "builders-of-worker",
      text: `select name, builddir from builder where id in (
          select bw.builder_id from builder_worker bw join builder b on b.id = bw.builder_id
          where bw.worker_id = $1 and b.removed_at is null
          union select x.builder_id from build x where x.worker_id = $1 and x.state <> 'finished')
        order by name`,
    },
    [workerId],
  );
}

export async function isWorkerRemoved(q: Queryable, workerId: WorkerId): Promise<boolean> {
  const rows = await q.rows("select from worker where id = $1 and removed_at is null", [workerId]);
  return rows.length === 0;
}

/** The worker itself wants to go: no new builds. */
export async function drainSession(
  q: Queryable,
  workerId: WorkerId,
  sessionId: SessionId,
): Promise<void> {
  await q.rows(
    `with draining as (
       update worker set is_draining = true where id = $1 and session_id = $2 and not is_draining returning id, org_id)
     insert into outbox (org_id, topic, body)
     select org_id, 'workers/' || id || '/draining', jsonb_build_object('id', id) from draining`,
    [workerId, sessionId],
  );
}

/** What others asked of the sessions this process holds. */
export function requestedEnds(
  q: Queryable,
  processId: ProcessId,
): Promise<{ sessionId: SessionId; how: "drain" | "kill" }[]> {
  return q.rows(
    `select id as "sessionId", end_requested as how from worker_session
     where process_id = $1 and ended_at is null and end_requested is not null`,
    [processId],
  );
}

export async function recordDoorEvent(
  q: Queryable,
  event: { loginName: string | null; peer: string; reason: string; detail: string },
): Promise<void> {
  await q.rows(
    `with seen as (
       insert into door_event (org_id, worker_id, login_name, peer, reason, detail)
       select w.org_id, w.id, $1, $2, $3, $4
       from (select 1) one left join worker w on w.login_name = $1 and w.removed_at is null
       returning org_id, worker_id)
     insert into outbox (org_id, topic, body)
     select org_id, 'workers/' || worker_id || '/refused', jsonb_build_object('id', worker_id)
     from seen where worker_id is not null`,
    [event.loginName, event.peer, event.reason, event.detail],
  );
}
