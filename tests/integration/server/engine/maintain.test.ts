// Guards: partitions are made ahead of time, and events older than a week go with their partition.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase } from "../../../../server/db/pool";
import { maintain } from "../../../../server/engine/recover/maintain";
import { createTestDatabase, type TestDatabase } from "../../../support/database";

let testDatabase: TestDatabase;
let db: Database;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  db = openDatabase({
    url: testDatabase.url,
    max: 2,
    name: "test",
    onError: (error) => console.error(error),
  });
});

afterAll(async () => {
  await db.end();
  await testDatabase.drop();
});

const outboxDays = () =>
  db.rows<{ day: string }>(
    `select to_char(to_date(right(c.relname, 8), 'YYYYMMDD') - current_date, 'FM9990') as day
     from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'outbox'::regclass and c.relname ~ '[0-9]{8}$' order by c.relname`,
  );

test("yesterday to three days ahead are there; ten days ago goes, with its events", async () => {
  await db.rows("select ensure_partitions(now() - interval '10 days', 0)");
  await db.rows(
    "insert into outbox (org_id, topic, body, at) values (1, 'old', '{}', now() - interval '10 days'), (1, 'new', '{}', now())",
  );
  await db.rows(
    "insert into door_event (peer, reason, detail, at) values ('p', 'r', 'old', now() - interval '100 days'), ('p', 'r', 'new', now())",
  );
  await db.rows(
    "insert into worker_event (org_id, worker_id, kind, reason, actor, at) values (1, 1, 'connected', 'old', 'w', now() - interval '181 days'), (1, 1, 'connected', 'new', 'w', now() - interval '179 days')",
  );
  // Of a loss that is over for long, the row goes with its mails; unless one is still to be sent.
  await db.rows(
    `with l as (insert into worker_loss (org_id, worker_id, back_at) values
         (1, 1, now() - interval '181 days'), (1, 2, now() - interval '181 days'), (1, 3, now()), (1, 4, null)
       returning id, worker_id)
     insert into worker_mail (org_id, loss_id, recipient, sent_at)
     select 1, id, 'a@example.org', case when worker_id <> 2 then now() end from l`,
  );
  // Sweeps that found nothing go after days, the others after months; of notices those that were told.
  await db.rows(
    `with a as (insert into instance_account (org_id, driver, fingerprint, title, config) values (1, 'd', 'f', 't', '{}') returning id),
      n as (insert into notice (org_id, kind, subject_id, subject, body, closed_at) values
        (1, 'old', 1, 's', 'b', now() - interval '181 days'), (1, 'open', 1, 's', 'b', null)),
      t as (insert into driver_test (org_id, worker_name, kind, config, asked_by, login_name, ended_at) values
        (1, 'old', 'K', '{}', 'p', 'test.1', now() - interval '31 days'), (1, 'new', 'K', '{}', 'p', 'test.2', now()),
        (1, 'running', 'K', '{}', 'p', 'test.3', null)),
      of as (select * from (values (1, 0, 'quiet'), (3, 0, null), (3, 1, 'orphan'), (91, 1, null)) v (days, orphans, keep))
     insert into sweep_report (org_id, account_id, at, duration_ms, is_dry_run, orphans, error, is_notable)
     select 1, a.id, now() - make_interval(days => of.days), 1, false, of.orphans, null, of.orphans > 0 from a cross join of`,
  );
  await maintain(db);
  const reports = await db.rows("select orphans from sweep_report order by at desc");
  expect(reports).toEqual([{ orphans: 0 }, { orphans: 1 }]);
  const tests = await db.rows("select worker_name as name from driver_test order by id");
  expect(tests).toEqual([{ name: "new" }, { name: "running" }]);
  expect(await db.rows("select kind from notice")).toEqual([{ kind: "open" }]);
  const days = (await outboxDays()).map(({ day }) => Number(day));
  expect(Math.min(...days)).toBeGreaterThanOrEqual(-7);
  expect(days).toEqual(expect.arrayContaining([-1, 0, 1, 2, 3]));
  expect(await db.rows("select topic from outbox")).toEqual([{ topic: "new" }]);
  expect(await db.rows("select detail from door_event")).toEqual([{ detail: "new" }]);
  const kept = await db.rows("select worker_id from worker_loss order by worker_id");
  expect(kept).toEqual([{ worker_id: 2 }, { worker_id: 3 }, { worker_id: 4 }]);
  expect(await db.rows("select from worker_mail")).toHaveLength(3);
  expect(await db.rows("select reason from worker_event")).toEqual([{ reason: "new" }]);
});

test("again changes nothing", async () => {
  const before = await outboxDays();
  await maintain(db);
  expect(await outboxDays()).toEqual(before);
});
