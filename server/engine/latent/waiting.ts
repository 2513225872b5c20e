/**
 * Builds that wait for the machine of a latent worker: `preparing`, without a session, owned by a
 * `jobs` process. When the machine has logged in they are handed to whoever holds its connection, all
 * at once and by compare-and-set; when it never will they end, each as its own stop or the reason has
 * it. None of them needs its owner to do anything, so one that dies only has to be replaced.
 */
import type { Queryable } from "../../db/pool";
import { EXCEPTION, RETRY } from "../../domain/builds";
import type { BuildId, OrgId, ProcessId, WorkerId } from "../../domain/ids";
import type { Failure } from "../../domain/latent";
import { giveUp } from "../recover/abandon";
import { appendSql, notePreparation, type PreparationLine } from "./preparation";

/** From the handing over to the first step. */
const PREPARING_SECONDS = 300;
/** So many machines may fail one request, unless the worker says otherwise (W-131); then it is over with. */
const MOST_FAILURES = 10;

const WAITING = "b.state = 'preparing' and b.state <> 'finished' and b.session_id is null";

interface Waiting {
  readonly buildId: BuildId;
  readonly ownerId: ProcessId;
  readonly ownerEpoch: number;
  readonly orgId: OrgId;
  readonly workerId: WorkerId;
}

const HERE = "convert_to('hits machine has logged in' || chr(10), 'UTF8')";

const SELECT = `select b.id as "buildId", b.owner_id as "ownerId", b.owner_epoch as "ownerEpoch", b.org_id as "orgId",
  b.worker_id as "workerId"`;

/**
 * The machine is held meanwhile, and its row says that it was given to them: whoever is about to let it
 * go has not seen that, and looks again. One that was let go is nobody's any more.
 * @returns the processes that have builds to begin now
 */
export async function releaseWaiting(
  q: Queryable,
  workerId: WorkerId,
  actor: string,
): Promise<ProcessId[]> {
  const rows = await q.rows<{ ownerId: ProcessId }>(
    {
      name: "release-waiting-builds",
      text: `with held as (
          select s.id, s.process_id, l.id as latent_id from worker w
          join worker_session s on s.id = w.session_id and s.ended_at is null and s.end_requested is null
          join process p on p.id = s.process_id and p.gone_at is null and p.lease_expires_at > now()
          join latent_worker l on l.worker_id = w.id and l.state = 'substantiated' and not l.needs_other
          where w.id = $1 for no key update of l for share of s),
        handed as (
          update build b set session_id = held.id, owner_id = held.process_id, owner_epoch = owner_epoch + 1,
            state_string = 'pinging worker'
          from held where b.worker_id = $1 and ${WAITING} returning b.id, b.org_id, b.owner_id),
        given as (
          update latent_worker l set claims = l.claims + 1 from held
          where l.id = held.latent_id and exists (select from handed)),
        said as (
          update step t set state_string = 'pinging worker' from handed
          where t.build_id = handed.id and t.is_preparation),
        ${appendSql("select id from handed", { count: "1", data: HERE, prefixes: "1" })},
        limited as (
          insert into deadline (org_id, kind, subject_id, fire_at, reason)
          select org_id, 'build-preparing', id, now() + interval '${PREPARING_SECONDS} seconds',
            'the worker did not start the build in ${PREPARING_SECONDS} s' from handed
          on conflict (kind, subject_id) do update set fire_at = excluded.fire_at, reason = excluded.reason),
        history as (
          insert into transition (org_id, kind, subject_id, from_state, to_state, reason, actor)
          select org_id, 'build', id, 'preparing', 'preparing', 'its machine has logged in', $2 from handed),
        told as (
          insert into outbox (org_id, topic, body)
          select org_id, 'builds/' || id || '/update', jsonb_build_object('id', id) from handed)
        select distinct owner_id as "ownerId" from handed`,
    },
    [workerId, actor],
  );
  return rows.map(({ ownerId }) => ownerId);
}

/** More of what a machine printed is no help. */
const MOST_PRINTED = 200;

/** Why, in whose words, what the machine printed last, and what to do. */
function linesOf({ reason, printed = "", advice }: Failure): PreparationLine[] {
  const [why = "", ...words] = reason.split("\n");
  const last = printed.trimEnd();
  const said = [...words, ...(last === "" ? [] : last.split("\n"))];
  return [
    { voice: "h", text: why },
    ...(last === "" ? [] : [{ voice: "h", text: "the last that it printed:" } as const]),
    ...said.slice(-MOST_PRINTED).map((text) => ({ voice: "o", text }) as const),
    ...(advice ? [{ voice: "h", text: advice } as const] : []),
  ];
}

/** The machine will not come. Those somebody stopped are cancelled; see spec 9.3 for the others. */
export async function failWaiting(
  q: Queryable,
  workerId: WorkerId,
  failure: Failure,
  actor: string,
): Promise<OrgId | null> {
  const rows = await q.rows<Waiting & { failures: number; most: number }>(
    {
      name: "waiting-builds-that-fail",
      text: `${SELECT}, (select count(*) from build o where o.build_request_id = b.build_request_id
            and o.preparation_failed and o.id <> b.id)::int as failures,
          coalesce((w.config->>'max_preparation_failures')::int, ${MOST_FAILURES}) as most
        from build b join worker w on w.id = b.worker_id where b.worker_id = $1 and ${WAITING} order by b.id`,
    },
    [workerId],
  );
  const lines = new Map([[workerId, linesOf(failure)]]);
  await notePreparation(q, lines, { isLast: true });
  // Before they end, so that whoever comes after a death of ours counts them, too.
  if (!failure.isUntried) {
    const ids = rows.map(({ buildId }) => buildId);
    await q.rows("update build set preparation_failed = true where id = any($1)", [ids]);
  }
  for (const { failures, most, ...build } of rows) {
    const isEnough = !failure.isUntried && most > 0 && failures + 1 >= most;
    const reason = isEnough
      ? `${failures + 1} times it could not be prepared; the last time: ${failure.reason}`
      : failure.reason;
    const result = isEnough || failure.verdict === "permanent" ? EXCEPTION : RETRY;
    await giveUp(q, build, actor, result, reason);
  }
  return rows[0]?.orgId ?? null;
}

/**
 * Builds of a worker whose machine is gone, and whose connection was lost before: it will not carry
 * them on.
 * @returns the organisation whose requests wait again
 */
export async function giveUpLost(
  q: Queryable,
  workerId: WorkerId,
  reason: string,
  actor: string,
): Promise<OrgId | null> {
  const rows = await q.rows<Waiting>(
    {
      name: "lost-builds",
      text: `${SELECT} from build b where b.worker_id = $1 and b.state = 'running' and b.state <> 'finished'
        and not exists (select from worker_session s where s.id = b.session_id and s.ended_at is null) order by b.id`,
    },
    [workerId],
  );
  for (const build of rows) await giveUp(q, build, actor, RETRY, reason);
  return rows[0]?.orgId ?? null;
}

/** Those that somebody wants stopped end at once. @returns their workers, to be looked at */
export async function endStopped(q: Queryable, actor: string): Promise<WorkerId[]> {
  const rows = await q.rows<Waiting & { by: string; why: string }>({
    name: "waiting-builds-stopped",
    text: `${SELECT}, coalesce(b.stop_requested_by, 'somebody') as by, coalesce(b.stop_reason, '') as why from deadline d join build b on b.id = d.subject_id
      where d.kind = 'build-stopping' and ${WAITING}`,
  });
  for (const { by, why, ...build } of rows) {
    const reason = `stopped by ${by} while its worker was prepared${why ? `: ${why}` : ""}`;
    await giveUp(q, build, actor, RETRY, reason);
  }
  return [...new Set(rows.map(({ workerId }) => workerId))];
}

/** Those whose owner is gone wait on, with this one. */
export async function adoptWaiting(q: Queryable, processId: ProcessId): Promise<void> {
  await q.rows(
    {
      name: "adopt-waiting-builds",
      text: `update build b set owner_id = $1, owner_epoch = owner_epoch + 1 from process p
        where ${WAITING} and p.id = b.owner_id and p.gone_at is not null`,
    },
    [processId],
  );
}
