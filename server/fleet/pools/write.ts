/**
 * What was decided of a pool's size, as rows: which places are open, which are to have a machine, what is
 * drawn, and when to look again. Said as it is to be, so that saying it twice changes nothing.
 */
import type { Queryable } from "../../db/pool";
import type { WorkerId } from "../../domain/ids";
import { type BackOff, isAtRest, type Place, type PoolPlan } from "../../domain/pools";
import type { Pool } from "./load";
import { makePlaces } from "./places";

/** While there is something to see a pool is looked at so often, whoever forgot to say that something happened. */
const LOOK_SECONDS = 15;
const SAMPLE_SECONDS = 15;

/** @returns workers that somebody is to look at */
export async function writePlan(
  tx: Queryable,
  pool: Pool,
  plan: PoolPlan,
  actor: string,
): Promise<WorkerId[]> {
  const numbers = [...plan.open, ...plan.wish].flatMap((place) =>
    "number" in place ? [place.number] : [],
  );
  const made = new Map<number, WorkerId>();
  const ids = await makePlaces(tx, pool, numbers, actor);
  numbers.forEach((number, index) => {
    const id = ids[index];
    if (id !== undefined) made.set(number, id);
  });
  const workersOf = (places: readonly Place[]) =>
    places.flatMap((place) =>
      "workerId" in place ? [place.workerId] : (made.get(place.number) ?? []),
    );
  const rows = pool.facts.isJoined
    ? []
    : await tx.rows<{ workerId: WorkerId }>(MARK, [
        ...[pool.id, workersOf(plan.open), workersOf(plan.wish)],
      ]);
  await draw(tx, pool, plan);
  return rows.map(({ workerId }) => workerId);
}

/** Those whose wish has changed are due, should nobody look at them now. */
const MARK = {
  name: "mark-places",
  text: `with marked as (
      update latent_worker l set is_open = l.worker_id = any($2::bigint[]) and l.worker_id <> all($3::bigint[]), is_wished = l.worker_id = any($3::bigint[])
      from worker w where w.pool_id = $1 and l.worker_id = w.id
        and (l.is_open <> (l.worker_id = any($2::bigint[]) and l.worker_id <> all($3::bigint[])) or l.is_wished <> (l.worker_id = any($3::bigint[])))
      returning l.worker_id, l.org_id, l.state, l.is_open),
    seen as (
      insert into deadline (org_id, kind, subject_id, fire_at, reason)
      select org_id, 'latent-worker', worker_id, now(), 'its pool wants something else of it' from marked where not is_open
      on conflict (kind, subject_id) do update set fire_at = excluded.fire_at, reason = excluded.reason)
    select worker_id as "workerId" from marked where not is_open`,
};

async function draw(tx: Queryable, pool: Pool, plan: PoolPlan): Promise<void> {
  const { figures, until } = plan;
  const { facts } = pool;
  const isQuiet =
    figures.queue === 0 &&
    figures.desired === 0 &&
    facts.rows.every((row) => isAtRest(row) || (row.state === null && !row.isJoined));
  const later = facts.now + LOOK_SECONDS * 1_000;
  const lookAt = isQuiet ? until : Math.min(until ?? later, later);
  const wait = lookAt === null ? null : Math.max(0, lookAt - facts.now) / 1_000;
  await tx.rows(DRAW, [
    ...[pool.orgId, pool.id, JSON.stringify(figures), pool.countedHours],
    ...[figures.queue, figures.desired, figures.starting, figures.idle, figures.busy, wait],
  ]);
}

const DRAW = {
  name: "draw-pool",
  text: `with said as (
      update pool set figures = $3::jsonb, figures_at = now(), budget_hours = coalesce($4::float8, budget_hours),
        budget_checked_at = case when $4::float8 is null then budget_checked_at else now() end
      where id = $2 and (figures is distinct from $3::jsonb or figures_at is null or $4::float8 is not null
        or figures_at < now() - interval '${SAMPLE_SECONDS} seconds')
      returning id),
    told as (
      insert into outbox (org_id, topic, body) select $1, 'pools/' || id || '/update', jsonb_build_object('id', id) from said),
    sampled as (
      insert into pool_sample (pool_id, at, org_id, queue, desired, starting, idle, busy)
      select id, date_bin(interval '${SAMPLE_SECONDS} seconds', now(), 'epoch'), $1, $5, $6, $7, $8, $9 from said
      on conflict (pool_id, at) do update set queue = greatest(pool_sample.queue, excluded.queue),
        desired = greatest(pool_sample.desired, excluded.desired),
        (starting, idle, busy) = (select s.starting, s.idle, s.busy
          from (values (pool_sample.starting, pool_sample.idle, pool_sample.busy), (excluded.starting, excluded.idle, excluded.busy))
            as s (starting, idle, busy) order by s.starting + s.idle + s.busy desc, s.busy desc limit 1)),
    quiet as (delete from deadline where kind = 'pool' and subject_id = $2 and $10::float8 is null)
    insert into deadline (org_id, kind, subject_id, fire_at, reason)
    select $1, 'pool', $2, now() + make_interval(secs => $10::float8), 'its size is to be seen to' where $10::float8 is not null
    on conflict (kind, subject_id) do update set fire_at = excluded.fire_at, reason = excluded.reason`,
};

/** @param change null: nothing. Machines that were asked for before now do not count any more. */
export async function writeBackOff(
  tx: Queryable,
  { id }: Pick<Pool, "id">,
  change: BackOff | "over" | null,
): Promise<void> {
  if (change === null) return;
  const off = change === "over" ? null : change;
  await tx.rows(
    {
      name: "pool-back-off",
      text: `update pool set backoff_until = now() + make_interval(secs => $2::float8), backoff_count = coalesce($3, 0),
          backoff_code = $4, backoff_reason = left($5, 2000), judged_since = now() where id = $1`,
    },
    [id, off?.seconds ?? null, off?.count ?? null, off?.code ?? null, off?.reason ?? null],
  );
}
