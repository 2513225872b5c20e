/** Guarantee: the fleet's page tells from the database who matches, how each stands, and what its day was. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyDays } from "../../../../../server/api/workers/busy";
import { listWorkers, matchingWorkers, PAGE } from "../../../../../server/api/workers/list";
import { createFleetRows, type FleetRows } from "../../../../support/fleet-rows";

let rows: FleetRows;

beforeAll(async () => {
  rows = await createFleetRows();
});

afterAll(() => rows?.end());

test("names, states and pages; old workers when they are asked for", async () => {
  const { addWorker, owner, scope } = rows;
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
  const { addWorker, addBuild, scope } = rows;
  const ferry = await addWorker("ferry");
  const ago = (text: string) => `now() - interval '${text}'`;
  await addBuild({
    worker: ferry,
    number: 1,
    times: `${ago("30 hours")}, ${ago("29 hours")}`,
    result: 0,
  });
  await addBuild({
    worker: ferry,
    number: 2,
    times: `${ago("5 hours")}, ${ago("3 hours")}`,
    result: 2,
  });
  await addBuild({
    worker: ferry,
    number: 3,
    times: `${ago("2 hours")}, ${ago("119 minutes")}`,
    result: 0,
  });
  await addBuild({ worker: ferry, number: 4, times: `${ago("10 minutes")}, null`, result: null });
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
