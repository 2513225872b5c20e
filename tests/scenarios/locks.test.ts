// Guarantee: in a whole installation with two `socket` processes, builds and steps on workers of either take
// turns at a lock of the configuration, each is told for whom it waits, and all end green.
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStorm, type Storm } from "../storm/storm";
import { type SlipwayWorker, startSlipwayWorker } from "../support/slipway-worker";
import { type SocketProgram, startSocketProcess } from "../support/socket-process";

const SUCCESS = 0;
const shell = (command: string, more: object = {}) => ({
  ...{ type: "ShellCommand", command, logEnviron: false, ...more },
});

const configuration = {
  locks: [
    { type: "MasterLock", name: "port" },
    { type: "MasterLock", name: "db", maxCount: 2 },
    { type: "WorkerLock", name: "cpu" },
  ],
  workers: ["s1", "a", "b"].map((name) => ({
    ...{ type: "Worker", name, password: "pass", locks: ["cpu"] },
  })),
  projects: {
    turns: {
      builders: [
        ...["a", "b"].map((name) => ({
          ...{ name: `steps-${name}`, workernames: [name] },
          factory: [
            shell("true", { name: "before" }),
            shell("sleep 1", { name: "use", locks: [{ name: "port", mode: "exclusive" }] }),
          ],
        })),
        ...["one", "two", "three"].map((name) => ({
          ...{ name, workernames: ["a", "b"], factory: [shell("sleep 0.5")] },
          locks: name === "three" ? [{ name: "db", mode: "exclusive" }] : ["db"],
        })),
      ],
    },
  },
};

let storm: Storm;
let second: SocketProgram;
const workers: SlipwayWorker[] = [];

beforeAll(async () => {
  storm = await openStorm({ workers: ["s1"] });
  await storm.slipway.apply(configuration);
  second = await startSocketProcess(storm.slipway, {});
  for (const [name, port] of [
    ["a", storm.slipway.pbPort],
    ["b", second.pbPort],
  ] as const) {
    workers.push(await startSlipwayWorker({ port, name, password: "pass" }));
  }
  await storm.connected("a", "b");
});

afterAll(async () => {
  for (const worker of workers) await worker.stop();
  second?.signal("SIGKILL");
  await storm?.stop();
});

async function allGreen(requests: readonly number[]): Promise<void> {
  await storm.until<{ result: number }>(
    "all builds over",
    "select result from build where build_request_id = any($1) and state = 'finished'",
    [requests],
    (rows) => rows.length === requests.length,
  );
  const results = await storm.rows<{ result: number }>(
    "select result from build where build_request_id = any($1)",
    [requests],
  );
  expect(results.map(({ result }) => result)).toEqual(requests.map(() => SUCCESS));
}

test("steps on workers of two processes have a lock one after the other", async () => {
  const requests: number[] = [];
  for (let turn = 0; turn < 3; turn += 1) {
    for (const name of ["a", "b"]) {
      requests.push(await storm.request(`steps-${name}`, `${name}-${turn}`));
    }
  }
  const [waiting] = await storm.until<{ state_string: string }>(
    "a step that waits",
    "select state_string from build where state = 'running' and state_string like 'waiting for lock%'",
    [],
    ([row]) => row !== undefined,
  );
  expect(waiting?.state_string).toMatch(/^waiting for lock port, held by steps-[ab] #\d+$/);
  await allGreen(requests);
  const overlaps = await storm.rows(
    `select x.id from step x join step y on y.id <> x.id and y.name = 'use'
       and y.locks_acquired_at < x.complete_at and y.complete_at > x.locks_acquired_at
     where x.name = 'use'`,
  );
  expect(overlaps).toEqual([]);
  const acquired = await storm.rows("select id from step where locks_acquired_at is not null");
  expect(acquired).toHaveLength(requests.length);
});

test("builds take turns at their builder's and their worker's locks", async () => {
  const requests: number[] = [];
  for (let turn = 0; turn < 3; turn += 1) {
    for (const name of ["one", "two", "three"]) {
      requests.push(await storm.request(name, `${name}-${turn}`));
    }
  }
  await allGreen(requests);
  // Two on one worker, or anything beside `three`.
  const overlaps = await storm.rows(
    `select x.id from build x join builder r on r.id = x.builder_id
       join build y on y.id <> x.id and y.created_at < x.complete_at and y.complete_at > x.created_at
     where x.build_request_id = any($1) and y.build_request_id = any($1)
       and (x.worker_id = y.worker_id or r.name = 'three')`,
    [requests],
  );
  expect(overlaps).toEqual([]);
  expect(await storm.rows("select lock_id from lock_owner")).toEqual([]);
});
