/** Guarantee: the fleet's page tells from the database who matches, how each stands, and what its day was. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OrgScope } from "../../../../../server/api/trpc";
import { busyDays } from "../../../../../server/api/workers/busy";
import { listWorkers, matchingWorkers, PAGE } from "../../../../../server/api/workers/list";
import { orgDatabase } from "../../../../../server/db/org-database";
import { type Database, only, openDatabase } from "../../../../../server/db/pool";
import type { OrgId, UserId } from "../../../../../server/domain/ids";
import { createTestDatabase, type TestDatabase } from "../../../../support/database";

let database: TestDatabase;
let owner: Database;
let web: Database;
const onError = () => {};

beforeAll(async () => {
  database = await createTestDatabase();
  owner = openDatabase({ url: database.url, max: 2, name: "test", onError });
  web = openDatabase({ url: database.url, max: 2, name: "test-web", role: "slipway_web", onError });
  await owner.rows(
    "insert into organization (id, slug, name) values (1, 'own', 'own'), (2, 'other', 'other')",
  );
});

afterAll(async () => {
  await web?.end();
  await owner?.end();
  await database?.drop();
});

const scope = (orgId: number) => {
  const db = orgDatabase(web);
  const key = { orgId: orgId as OrgId, userId: 1 as UserId };
  return { orgId: key.orgId, within: (work) => db.within(key, work) } as OrgScope;
};

async function addWorker(name: string, columns = "", values = ""): Promise<number> {
  const rows = await owner.rows<{ id: number }>(
    `insert into worker (org_id, name, login_name, kind, config ${columns})
     values (1, $1, $1, 'Worker', '{}' ${values}) returning id`,
    [name],
  );
  return only(rows).id;
}

async function addBuild(worker: number, number: number, times: string, result: number | null) {
  await owner.transaction(async (tx) => {
    // Nothing of what a build hangs on matters here.
    await tx.rows("set local session_replication_role = replica");
    await tx.rows(
      `insert into build (org_id, builder_id, number, build_request_id, worker_id, worker_slot, builder_config_id,
         owner_id, state, result, state_string, created_at, started_at, complete_at)
       values (1, 1, $2::int, $2::int, $1, $2::int, 1, 1, $3, $4, 'x', now() - interval '3 days', ${times})`,
      [worker, number, result === null ? "running" : "finished", result],
    );
  });
}

test("names, states and pages; old workers when they are asked for", async () => {
  const own = scope(1);
  await addWorker("boat", ", paused_at, paused_by, pause_reason", ", now(), 'ada', 'leaks'");
  await addWorker("ark", ", quarantined_until, session_id", ", now() + interval '1 hour', 77");
  await addWorker("wreck", ", removed_at", ", now()");
  for (let n = 0; n < PAGE; n += 1) await addWorker(`raft-${String(n).padStart(3, "0")}`);
  await owner.rows(
    `insert into deadline (org_id, kind, subject_id, fire_at, reason)
     select 1, 'worker-missing', id, '2030-01-01T00:00:00Z', 'away' from worker where name = 'raft-000'`,
  );

  const first = await listWorkers(own, {});
  expect(first).toMatchObject({
    total: PAGE + 2,
    matched: PAGE + 2,
    page: 1,
    pages: 2,
    connected: 1,
  });
  expect(first.workers.map(({ name }) => name).slice(0, 3)).toEqual(["ark", "boat", "raft-000"]);
  expect(first.workers[0]?.shown.word).toBe("quarantined");
  expect(first.workers[1]?.shown.sentence).toContain("Paused by ada: leaks");
  expect(first.workers[2]?.missingAt).toBe(Date.parse("2030-01-01T00:00:00Z"));
  expect(first.counts).toMatchObject({ paused: 1, quarantined: 1, offline: PAGE });

  const last = await listWorkers(own, { page: 9 });
  expect([last.page, last.workers.length]).toEqual([2, 2]);
  expect((await matchingWorkers(own, { text: "^raft", isPattern: true })).length).toBe(PAGE);
  const old = await listWorkers(own, { text: "wreck", withOld: true });
  expect(old.workers).toMatchObject([{ name: "wreck", isRemoved: true }]);
  expect((await listWorkers(own, { text: "wreck" })).matched).toBe(0);
  expect((await listWorkers(scope(2), { withOld: true })).total).toBe(0);
});

test("the day of a worker holds what ended in it and what runs, and nothing of others", async () => {
  const ferry = await addWorker("ferry");
  const ago = (text: string) => `now() - interval '${text}'`;
  await addBuild(ferry, 1, `${ago("30 hours")}, ${ago("29 hours")}`, 0);
  await addBuild(ferry, 2, `${ago("5 hours")}, ${ago("3 hours")}`, 2);
  await addBuild(ferry, 3, `${ago("2 hours")}, ${ago("119 minutes")}`, 0);
  await addBuild(ferry, 4, `${ago("10 minutes")}, null`, null);
  const { days, slots } = await busyDays(scope(1), { workerIds: [ferry] });
  expect(days).toMatchObject([{ workerId: ferry, builds: 3 }]);
  const [day] = days;
  expect(day?.segments.map(({ result }) => result)).toEqual([2, 0, null]);
  const running = day?.segments.at(-1);
  expect((running?.at ?? 0) + (running?.span ?? 0)).toBe(slots);
  const minutes = Math.round((day?.buildMs ?? 0) / 60_000);
  expect(minutes).toBe(120 + 1 + 10);
  expect((await busyDays(scope(2), { workerIds: [ferry] })).days).toEqual([]);
});
