/**
 * Guarantee: a worker's page tells what it can build and how that went here, why it is not the one that
 * takes what waits, who came under its name, and its environment to maintainers alone.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildersOfWorker } from "../../../../../server/api/workers/builders";
import { refusalsOf, sessionsOf } from "../../../../../server/api/workers/comings";
import { environOf } from "../../../../../server/api/workers/environ";
import { oneWorker } from "../../../../../server/api/workers/one";
import { waitingForWorker } from "../../../../../server/api/workers/waiting";
import { createFleetRows, type FleetRows } from "../../../../support/fleet-rows";

let rows: FleetRows;
const ids = { tug: 0, barge: 0, hull: 0, mast: 0 };

beforeAll(async () => {
  rows = await createFleetRows();
  const facts = {
    version: "4.3.0",
    workerCommands: { shell: "3.3" },
    environ: { PATH: "/bin", AWS_SECRET_ACCESS_KEY: "hidden from developers" },
    info: { access_uri: "ssh://tug" },
  };
  ids.tug = await rows.addWorker("tug", ", facts, max_builds", `, '${JSON.stringify(facts)}', 1`);
  ids.barge = await rows.addWorker("barge", ", paused_at", ", now()");
  ids.hull = await rows.addBuilder("hull", [ids.tug, ids.barge]);
  ids.mast = await rows.addBuilder("mast", [ids.tug]);
});

afterAll(() => rows?.end());

test("builders with their last build here, and the median of what succeeded", async () => {
  const times = (minutes: number) =>
    `now() - interval '1 hour', now() - interval '1 hour' + interval '${minutes} min'`;
  const took = [
    [10, 0],
    [20, 1],
    [90, 2],
    [30, 0],
  ] as const;
  for (const [index, [minutes, result]] of took.entries()) {
    const build = { worker: ids.tug, builder: ids.hull, number: index + 1 };
    await rows.addBuild({ ...build, times: times(minutes), result });
  }
  // Somebody else's builds of it are not this worker's.
  await rows.addBuild({
    ...{ worker: ids.barge, builder: ids.mast, number: 1 },
    ...{ times: times(5), result: 0 },
  });
  const served = await buildersOfWorker(rows.scope(1), { workerId: ids.tug });
  const minute = 60_000;
  expect(served).toMatchObject([
    {
      name: "hull",
      builds: 4,
      usualMs: 20 * minute,
      last: { number: 4, result: 0, tookMs: 30 * minute },
    },
    { name: "mast", builds: 0, usualMs: null, last: null },
  ]);
  expect(await buildersOfWorker(rows.scope(2), { workerId: ids.tug })).toEqual([]);
});

test("what waits for its builders, with the pending page's sentence and its own", async () => {
  const urgent = await rows.addRequest(ids.hull, 5);
  const later = await rows.addRequest(ids.hull);
  const other = await rows.addRequest(ids.mast);
  const told = async (workerId: number) =>
    (await waitingForWorker(rows.scope(1), { workerId })).requests;
  const ofTug = await told(ids.tug);
  expect(ofTug.map(({ id }) => id)).toEqual([urgent, later, other]);
  expect(ofTug[0]).toMatchObject({
    here: "It is not connected.",
    why: { sentence: "2 workers match: 1 paused, 1 offline." },
  });
  expect(ofTug[2]?.why.sentence).toBe("Its only worker, tug, is not connected.");
  const ofBarge = await told(ids.barge);
  expect(ofBarge.map(({ id, here }) => [id, here])).toEqual([
    [urgent, "It is paused."],
    [later, "It is paused."],
  ]);
  expect((await waitingForWorker(rows.scope(2), { workerId: ids.tug })).requests).toEqual([]);
});

test("no more requests are read than are shown, however many wait", async () => {
  for (let n = 0; n < 30; n += 1) await rows.addRequest(ids.mast);
  const { requests, hasMore } = await waitingForWorker(rows.scope(1), { workerId: ids.tug });
  expect([requests.length, hasMore]).toEqual([20, true]);
});

test("sessions and refusals, newest first, a page at a time", async () => {
  for (let n = 1; n <= 25; n += 1) {
    await rows.owner.rows(
      `insert into worker_session (org_id, worker_id, process_id, protocol, peer, ended_at, end_reason)
       values (1, $1, 1, 'pb', $2, now(), 'it left')`,
      [ids.tug, `10.0.0.1:${n}`],
    );
  }
  await rows.owner.rows(
    `insert into door_event (org_id, worker_id, login_name, peer, reason, detail)
     values (1, $1, 'tug', '10.0.0.2', 'wrong-password', 'x')`,
    [ids.tug],
  );
  const key = { workerId: ids.tug };
  const first = await sessionsOf(rows.scope(1), key);
  expect(first.rows[0]).toMatchObject({ peer: "10.0.0.1:25", endReason: "it left" });
  const second = await sessionsOf(rows.scope(1), { ...key, cursor: first.before });
  expect([first.rows.length, second.rows.length, second.before]).toEqual([20, 5, null]);
  expect((await refusalsOf(rows.scope(1), key)).rows).toMatchObject([{ reason: "wrong-password" }]);
  expect((await refusalsOf(rows.scope(2), key)).rows).toEqual([]);
});

test("the environment is in its own answer and in no other", async () => {
  const key = { workerId: ids.tug };
  expect(await environOf(rows.scope(1), key)).toEqual([
    { name: "AWS_SECRET_ACCESS_KEY", value: "hidden from developers" },
    { name: "PATH", value: "/bin" },
  ]);
  const page = await oneWorker(rows.scope(1), key);
  expect(page.commands).toEqual({ shell: "3.3" });
  expect(JSON.stringify(page)).not.toContain("hidden from developers");
  await expect(environOf(rows.scope(2), key)).rejects.toMatchObject({ code: "request.not-found" });
});

test("a worker of a pool says what keeps the pool from making machines", async () => {
  const [pool] = await rows.owner.rows<{ id: number }>(
    `insert into pool (org_id, name, kind, config, max_workers, backoff_until, backoff_code, backoff_reason, figures)
     values (1, 'arm', 'FakeLatentWorker', '{}', 2, now() + interval '10 minutes', 'quota', 'no space left',
       '{"limits": [{"code": "quota", "room": 0, "sentence": "starts nothing", "until": null}]}') returning id`,
  );
  const place = await rows.addWorker("arm-1", ", pool_id", `, ${pool?.id}`);
  const page = await oneWorker(rows.scope(1), { workerId: place });
  expect(page.pool).toMatchObject({
    ...{ name: "arm", steering: null, backoff: { code: "quota", reason: "no space left" } },
    limits: [{ code: "quota", room: 0 }],
  });
  expect(page.pool?.backoff?.until).toBeGreaterThan(Date.now());
  expect((await oneWorker(rows.scope(1), { workerId: ids.tug })).pool).toBeNull();
});
