/**
 * Partitions ahead of time, retention behind (A-33).
 *
 * Events are for those who listen now, so the outbox keeps a week; refused logins are kept for a
 * quarter, what happened to workers for half a year, what a page was told of a repository for a day, figures of pools for two, tests of drivers' settings for a month. History, audit and logs are kept until an organisation sets a horizon of its own.
 */
import type { Database } from "../../db/pool";

const AHEAD = 3;
const OUTBOX_DAYS = 7;
const DOOR_EVENT_DAYS = 90;
const WORKER_EVENT_DAYS = 180;
const REMOVED_SCHEDULER_DAYS = 30;
/** Unimportant changes that a scheduler keeps for the next important one: the newest of each line. */
const KEPT_CHANGES = 1_000;
const REPOSITORY_CHECK_DAYS = 1;
/** Of sweeps that found nothing, and of the others. */
const QUIET_SWEEP_DAYS = 2;
const SWEEP_DAYS = 90;
const NOTICE_DAYS = 180;
const DRIVER_TEST_DAYS = 30;
/** A page draws the last day. */
const POOL_SAMPLE_DAYS = 2;

/**
 * Whoever reads for long, a backup say, is not waited for: behind us, waiting for their lock, every
 * commit would wait. The next run is an hour away, and three days ahead are there.
 */
const GIVE_WAY = "; set local lock_timeout = '2s'";

export async function maintain(q: Database): Promise<void> {
  await q.transaction((tx) => tx.rows("select ensure_partitions(now(), $1)", [AHEAD]), GIVE_WAY);
  const old = await q.rows<{ name: string }>(
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'outbox'::regclass and c.relname ~ '^outbox_[0-9]{8}$'
       and to_date(right(c.relname, 8), 'YYYYMMDD') < current_date - $1::int
     order by c.relname`,
    [OUTBOX_DAYS],
  );
  // The names were matched above: letters, an underscore and digits.
  for (const { name } of old) {
    await q.transaction((tx) => tx.rows(`drop table if exists ${name}`), GIVE_WAY);
  }
  await q.rows("delete from door_event where at < now() - make_interval(days => $1)", [
    DOOR_EVENT_DAYS,
  ]);
  await q.rows("delete from worker_event where at < now() - make_interval(days => $1)", [
    WORKER_EVENT_DAYS,
  ]);
  // A mail that is still to be sent keeps its loss: it is given up within days.
  await q.rows(
    `delete from worker_loss l where l.back_at < now() - make_interval(days => $1)
       and not exists (select from worker_mail m where m.loss_id = l.id and m.sent_at is null and m.given_up_at is null)`,
    [WORKER_EVENT_DAYS],
  );
  await q.rows("delete from pool_sample where at < now() - make_interval(days => $1)", [
    POOL_SAMPLE_DAYS,
  ]);
  await q.rows("delete from repository_check where asked_at < now() - make_interval(days => $1)", [
    REPOSITORY_CHECK_DAYS,
  ]);
  // Of one whose machine could not be stopped yet the row says what it is.
  await q.rows(
    `delete from driver_test t where t.ended_at < now() - make_interval(days => $1)
       and not exists (select from instance i where i.id = t.instance_id and i.state <> 'gone')`,
    [DRIVER_TEST_DAYS],
  );
  await q.rows(
    `delete from sweep_report where at < now() - make_interval(days => $1)
       and (at < now() - make_interval(days => $2) or not is_notable)`,
    [QUIET_SWEEP_DAYS, SWEEP_DAYS],
  );
  await q.rows(
    `delete from notice n where n.closed_at < now() - make_interval(days => $1)
       and not exists (select from notice_mail m where m.notice_id = n.id and m.sent_at is null and m.given_up_at is null)`,
    [NOTICE_DAYS],
  );
  await q.rows(
    `delete from scheduler_change k using scheduler s
     where s.id = k.scheduler_id and s.removed_at < now() - make_interval(days => $1)`,
    [REMOVED_SCHEDULER_DAYS],
  );
  await q.rows(
    `delete from scheduler_change k using (
       select scheduler_id, change_id, row_number() over (partition by scheduler_id, line order by change_id desc) as place
       from scheduler_change where not is_important) old
     where k.scheduler_id = old.scheduler_id and k.change_id = old.change_id and old.place > $1`,
    [KEPT_CHANGES],
  );
}
