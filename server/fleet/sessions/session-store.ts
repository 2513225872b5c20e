/**
 * Sessions in the database: which worker is connected, to which process.
 *
 * `worker.session_id` is the live session; a unique index allows one open row per worker. Both are
 * changed by compare-and-set only, so two processes can never both think they hold a worker.
 */
import { jsonText } from "../../db/json-text";
import type { Queryable } from "../../db/pool";
import { historySql } from "../../db/worker-history";
import { foundSql, lossSql } from "../../db/worker-loss";
import type { OrgId, ProcessId, SessionId, WorkerId } from "../../domain/ids";
import type { BuilderRef, WorkerFacts } from "../../domain/wire";
import { INSTANCE_VARIABLE } from "../../drivers/contract";
import type { Hello } from "../../protocols/contract";

/** Unless a worker's configuration says otherwise (W-030). */
const KEEPALIVE_SECONDS = 3_600;

export interface KnownWorker {
  readonly id: WorkerId;
  readonly orgId: OrgId;
  readonly name: string;
}

/** What must be right for a login. */
export interface Credentials {
  readonly sealed: Buffer | null;
  /** Null: from anywhere. */
  readonly allowedAddresses: readonly string[] | null;
  /** Of a latent worker, whose machine the password is; null: it is not latent. */
  readonly generation: number | null;
}

/** What counts for these login names, in their order; null: nobody's name. */
export async function findCredentials(
  q: Queryable,
  loginNames: readonly string[],
): Promise<(Credentials | null)[]> {
  const rows = await q.rows<Credentials & { loginName: string }>(
    {
      name: "credentials-by-login",
      text: `select w.login_name as "loginName", w.config->'allowed_addresses' as "allowedAddresses",
          case when w.password_secret is null then w.sealed_password else s.sealed end as sealed, l.generation
        from worker w left join latent_worker l on l.worker_id = w.id and l.is_latent
        left join secret s on s.org_id = w.org_id and s.name = w.password_secret
        where w.login_name = any($1) and w.removed_at is null
        union all
        select t.login_name, t.config->'allowed_addresses', t.sealed_password, null
        from driver_test t where t.login_name = any($1) and t.sealed_password is not null and t.ended_at is null`,
    },
    [loginNames],
  );
  const found = new Map(rows.map((row) => [row.loginName, row]));
  return loginNames.map((name) => found.get(name) ?? null);
}

export interface Holder {
  readonly sessionId: SessionId;
  readonly processId: ProcessId;
  readonly peer: string;
  /** By which the worker process that is attached there is known, if it says one. */
  readonly mark: string | null;
  /** Its process is gone or has let its lease lapse. */
  readonly isOrphan: boolean;
}

/** What a worker that said its name finds. */
export interface Opened {
  readonly worker: KnownWorker;
  /** Null: somebody else is connected as this worker. */
  readonly sessionId: SessionId | null;
}

/** One that has proven who it is, and of a latent worker which of its machines. */
export interface Proven extends Hello {
  readonly generation: number | null;
}

/** Rows for new connections, in their order; null: the worker was removed meanwhile. */
export async function openSessions(
  q: Queryable,
  processId: ProcessId,
  hellos: readonly Proven[],
): Promise<(Opened | null)[]> {
  const rows = await q.rows<KnownWorker & { loginName: string; sessionId: SessionId | null }>(
    {
      name: "open-sessions",
      text: `with asked as (
          select * from unnest($2::text[], $3::text[], $4::text[], $5::int[]) with ordinality
            as a (login_name, protocol, peer, generation, place)),
        opened as (
          insert into worker_session (org_id, worker_id, process_id, protocol, peer, generation)
          select w.org_id, w.id, $1, a.protocol, a.peer, a.generation
          from asked a join worker w on w.login_name = a.login_name and w.removed_at is null
          order by w.id, a.place
          on conflict do nothing returning id, worker_id)
        select w.login_name as "loginName", w.id, w.org_id as "orgId", w.name, o.id as "sessionId"
        from worker w left join opened o on o.worker_id = w.id
        where w.login_name = any($2) and w.removed_at is null`,
    },
    [
      processId,
      hellos.map(({ loginName }) => loginName),
      hellos.map(({ protocol }) => protocol),
      hellos.map(({ peer }) => `${peer.address}:${peer.port}`),
      hellos.map(({ generation }) => generation),
    ],
  );
  const found = new Map(rows.map((row) => [row.loginName, row]));
  const taken = new Set<string>();
  return hellos.map(({ loginName }) => {
    const row = found.get(loginName);
    if (!row) return null;
    const { id, orgId, name } = row;
    // Of two that came in the same moment the first has it.
    const sessionId = taken.has(loginName) ? null : row.sessionId;
    taken.add(loginName);
    return { worker: { id, orgId, name }, sessionId };
  });
}

/** Who is connected as this worker now. */
export async function holderOf(q: Queryable, workerId: WorkerId): Promise<Holder | null> {
  const [holder] = await q.rows<Holder>(
    `select s.id as "sessionId", s.process_id as "processId", s.peer,
       case when w.session_id = s.id then w.facts->>'keeps' end as mark,
       (p.gone_at is not null or p.lease_expires_at < now()) as "isOrphan"
     from worker_session s join process p on p.id = s.process_id join worker w on w.id = s.worker_id
     where s.worker_id = $1 and s.ended_at is null`,
    [workerId],
  );
  return holder ?? null;
}

export interface Attached {
  /** It has a life cycle of its own, and builds may wait for its machine. */
  readonly isLatent: boolean;
}

export interface Attaching {
  readonly workerId: WorkerId;
  readonly sessionId: SessionId;
  readonly facts: WorkerFacts;
}

/**
 * These workers are ours and ready: they count as connected from here on. A session's row is held,
 * so that its end comes before, and nothing is attached, or after, and sees what was attached. A latent
 * worker attaches while its machine is awaited or there, and one that stays for ever at any time (T7);
 * whoever is from another machine than its present one never does (R4), nor from one that was told to go.
 * Who asked a latent worker to go after its builds may have asked before its machine was there.
 * @returns in their order; null when the session has ended meanwhile, or nobody awaits it
 */
export async function attachSessions(
  q: Queryable,
  attaching: readonly Attaching[],
): Promise<(Attached | null)[]> {
  const rows = await q.rows<{ id: SessionId } & Attached>(
    {
      name: "attach-sessions",
      text: `with asked as (
          select * from unnest($1::bigint[], $2::bigint[], $3::text[]) as a (worker_id, session_id, facts)),
        held as (
          select s.id, s.end_requested, s.peer, s.protocol, a.worker_id, a.facts::jsonb as facts
          from worker_session s join asked a on a.session_id = s.id
          where s.ended_at is null and s.end_requested is distinct from 'kill' and not exists (
            select from instance i where i.worker_id = a.worker_id and i.generation = s.generation and i.state = 'stopping')
          and not exists (
            select from latent_worker l join worker w on w.id = l.worker_id
            where l.worker_id = a.worker_id and l.is_latent and (s.generation is distinct from l.generation
              or a.facts::jsonb->'environ'->>'${INSTANCE_VARIABLE}' <> (select i.key from instance i where i.id = l.instance_id)
              or l.state not in ('starting', 'substantiated')
                and coalesce((w.config->>'build_wait_timeout')::float8, 0) >= 0))
          order by a.worker_id for update of s),
        attached as (
          update worker set session_id = held.id, facts = held.facts, last_seen_at = now(),
            is_draining = coalesce(held.end_requested = 'drain', false) or is_draining and exists (
              select from latent_worker l where l.worker_id = worker.id and l.is_latent)
          from held where worker.id = held.worker_id
          returning worker.id, worker.org_id, worker.session_id, held.peer, held.protocol),
        ${foundSql("attached")},
        told as (
          insert into outbox (org_id, topic, body)
          select org_id, 'workers/' || id || '/connected', jsonb_build_object('id', id) from attached),
        remembered as (
          ${historySql(
            {
              kind: "connected",
              from: "attached",
              worker: "id",
              reason: "'from ' || peer || ' by ' || protocol",
              actor: "'worker'",
            },
            {
              kind: "back",
              from: "returned",
              reason:
                "'it was missing since ' || to_char(noticed_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC'",
              actor: "'worker'",
            },
          )})
        select session_id as id, exists (select from latent_worker l
            where l.worker_id = attached.id and l.is_latent) as "isLatent"
        from attached`,
    },
    [
      attaching.map(({ workerId }) => workerId),
      attaching.map(({ sessionId }) => sessionId),
      attaching.map(({ facts }) => jsonText(facts)),
    ],
  );
  const attached = new Map(rows.map((row) => [row.id, row]));
  return attaching.map(({ sessionId }) => attached.get(sessionId) ?? null);
}

export interface Ending {
  readonly sessionId: SessionId;
  readonly reason: string;
}

/**
 * These connections are gone. Idempotent; a session that was taken over stays as it is.
 * @returns in their order, milliseconds until its worker counts as missing; null: it never will
 */
export async function endSessions(
  q: Queryable,
  endings: readonly Ending[],
): Promise<(number | null)[]> {
  const rows = await q.rows<{ id: SessionId; afterMs: number }>(
    {
      name: "end-sessions",
      text: `with asked as (
          select * from unnest($1::bigint[], $2::text[]) as a (session_id, reason)),
        held as (
          select s.id, a.reason from worker_session s join asked a on a.session_id = s.id
          where s.ended_at is null order by s.worker_id for update of s),
        ended as (
          update worker_session s set ended_at = now(), end_reason = held.reason
          from held where s.id = held.id returning s.id, s.worker_id, s.org_id, s.end_reason),
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
          ${historySql({ kind: "disconnected", from: "ended", reason: "end_reason", actor: "'worker'" })}),
        ${lossSql("from ended e join worker w on w.id = e.worker_id where w.session_id = e.id")},
        told as (
          insert into outbox (org_id, topic, body)
          select org_id, 'workers/' || worker_id || '/disconnected',
            jsonb_build_object('id', worker_id, 'reason', end_reason) from ended)
        select e.id, ceil(extract(epoch from m.fire_at - now()) * 1000)::float8 as "afterMs"
        from ended e join missing_at m on m.worker_id = e.worker_id`,
    },
    [endings.map(({ sessionId }) => sessionId), endings.map(({ reason }) => reason)],
  );
  const missing = new Map(rows.map(({ id, afterMs }) => [id, afterMs]));
  return endings.map(({ sessionId }) => missing.get(sessionId) ?? null);
}

/**
 * The builders that each of these workers serves, in the order of their names; those it was relieved
 * of only once their builds on it are over, because leaving them out would end what runs.
 */
export async function buildersOf(
  q: Queryable,
  workerIds: readonly WorkerId[],
): Promise<BuilderRef[][]> {
  const rows = await q.rows<BuilderRef & { workerId: WorkerId }>(
    {
      name: "builders-of-workers",
      text: `select s.worker_id as "workerId", b.name, b.builddir from (
          select bw.worker_id, bw.builder_id from builder_worker bw join builder o on o.id = bw.builder_id
          where bw.worker_id = any($1) and o.removed_at is null
          union select x.worker_id, x.builder_id from build x
          where x.worker_id = any($1) and x.state <> 'finished') s
        join builder b on b.id = s.builder_id order by b.name`,
    },
    [workerIds],
  );
  const served = new Map<WorkerId, BuilderRef[]>();
  for (const { workerId, name, builddir } of rows) {
    const list = served.get(workerId) ?? [];
    list.push({ name, builddir });
    served.set(workerId, list);
  }
  return workerIds.map((id) => served.get(id) ?? []);
}

/** What the configuration says of a connection. */
export interface ConnectionOptions {
  readonly keepaliveSeconds: number | null;
  readonly allowedAddresses: readonly string[] | null;
}

/** As these workers' configuration has it, in their order; null: the worker was removed. */
export async function connectionOptions(
  q: Queryable,
  workerIds: readonly WorkerId[],
): Promise<(ConnectionOptions | null)[]> {
  const rows = await q.rows<ConnectionOptions & { id: WorkerId }>(
    {
      name: "connection-options",
      text: `select id, config->'allowed_addresses' as "allowedAddresses",
          case when config ? 'keepalive_interval' then config->'keepalive_interval'
            else to_jsonb($2::int) end as "keepaliveSeconds"
        from worker where id = any($1) and removed_at is null`,
    },
    [workerIds, KEEPALIVE_SECONDS],
  );
  const found = new Map(rows.map((row) => [row.id, row]));
  return workerIds.map((id) => found.get(id) ?? null);
}

/**
 * Whether requests wait that these workers may take, in their order. Asked after the attaching is
 * committed: whatever is submitted later finds them connected.
 */
export async function areWanted(q: Queryable, workerIds: readonly WorkerId[]): Promise<boolean[]> {
  const rows = await q.rows<{ id: WorkerId }>(
    {
      name: "workers-wanted",
      text: `select w.id from worker w where w.id = any($1) and exists (
          select from builder_worker bw
          join build_request r on r.org_id = w.org_id and r.builder_id = bw.builder_id
          where bw.worker_id = w.id and r.state = 'pending')`,
    },
    [workerIds],
  );
  const wanted = new Set(rows.map(({ id }) => id));
  return workerIds.map((id) => wanted.has(id));
}

/**
 * The worker itself wants to go: no new builds. A machine that is not the latent worker's any more, or
 * is let go already, changes nothing of it: nobody would take the mark away again.
 */
export async function drainSession(
  q: Queryable,
  workerId: WorkerId,
  sessionId: SessionId,
): Promise<void> {
  await q.rows(
    `with machine as (
       select state, generation from latent_worker where worker_id = $1 and is_latent for update),
     draining as (
       update worker set is_draining = true where id = $1 and session_id = $2 and not is_draining
         and not exists (select from machine m join worker_session s on s.id = $2
           where m.state in ('insubstantiated', 'shut-down') or s.generation is distinct from m.generation)
       returning id, org_id),
     remembered as (
       ${historySql({ kind: "draining", from: "draining", worker: "id", reason: "'it asks to be shut down'", actor: "'worker'" })})
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
     where process_id = $1 and ended_at is null and end_requested in ('drain', 'kill')`,
    [processId],
  );
}

/** This process takes no more builds; what is asked of its sessions otherwise stays. */
export async function releaseSessions(q: Queryable, processId: ProcessId): Promise<void> {
  await q.rows(
    `update worker_session set end_requested = 'release'
     where process_id = $1 and ended_at is null and end_requested is null`,
    [processId],
  );
}

/** When these workers were last heard of, in seconds before now. */
export async function notePresence(
  q: Queryable,
  workerIds: readonly WorkerId[],
  ages: readonly number[],
): Promise<void> {
  await q.rows(
    {
      name: "note-presence",
      text: `update worker set last_seen_at = now() - make_interval(secs => heard.age)
        from unnest($1::bigint[], $2::float8[]) as heard (id, age)
        where worker.id = heard.id and worker.session_id is not null`,
    },
    [workerIds, ages],
  );
}

/** A stranger's is of no organisation (0), and its event says no more than that somebody came. */
export async function recordDoorEvent(
  q: Queryable,
  event: { loginName: string | null; peer: string; reason: string; detail: string },
): Promise<void> {
  await q.rows(
    `with seen as (
       insert into door_event (org_id, worker_id, login_name, peer, reason, detail)
       select w.org_id, w.id, $1, $2, $3, $4
       from (select 1) one left join worker w on w.login_name = $1 and w.removed_at is null
       returning org_id, worker_id, peer, reason, detail),
     remembered as (
       ${historySql({ kind: "refused", from: "seen", reason: "reason || ', from ' || peer || ': ' || detail", actor: "'worker'", where: "worker_id is not null" })})
     insert into outbox (org_id, topic, body)
     select coalesce(org_id, 0), coalesce('workers/' || worker_id || '/refused', 'doors/stranger'),
       case when worker_id is null then '{}' else jsonb_build_object('id', worker_id) end
     from seen`,
    [event.loginName, event.peer, event.reason, event.detail],
  );
}
