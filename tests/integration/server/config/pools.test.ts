// Guarantees: pools reach the fleet as they are written; workers that they have follow them, and keep
// their names and their builders while everything else of the configuration changes (K-030).
import { afterAll, beforeAll, expect, it } from "vitest";
import { applyConfig, checkConfig } from "../../../../server/config";
import type { OrgId, PoolId } from "../../../../server/domain/ids";
import { makePlaces } from "../../../../server/fleet/pools/places";
import { type Installation, KEY, openInstallation } from "../rest/support";

let server: Installation;
let orgId: OrgId;
beforeAll(async () => {
  server = await openInstallation();
  orgId = await server.organization("pools", "workers: []\n");
});
afterAll(() => server.close());

async function apply(text: string) {
  const { documents, errors } = checkConfig(text);
  if (!documents) throw new Error(JSON.stringify(errors));
  return server.db.within({ orgId }, (tx) =>
    applyConfig(tx, orgId, documents, { author: "ada", sealingKey: KEY }),
  );
}

const rows = (sql: string) => server.owner.rows<Record<string, unknown>>(sql, [orgId]);
const pairs = () =>
  rows(`select b.name as builder, w.name as worker from builder_worker x join builder b on b.id = x.builder_id
    join worker w on w.id = x.worker_id where x.org_id = $1 order by 1, 2`);
const workers = () =>
  rows(`select name, login_name, kind, config, max_builds, locks, removed_at is not null as gone from worker
    where org_id = $1 and pool_id is not null order by pool_number`);

const text = (
  pools: string,
  builders = "[{name: one, pools: [linux], factory: []}, {name: two, labels: [rust], workernames: [w], factory: []}]",
) => `
locks: [{type: MasterLock, name: db}]
workers: [{type: LocalWorker, name: w}]
pools: ${pools}
projects: {p: {builders: ${builders}}}`;
const LINUX =
  "[{name: linux, worker: {type: LocalLatentWorker}, labels: [rust], maxWorkers: 3, idleTimeout: 0}]";

async function make(numbers: number[]) {
  const [pool] = await rows("select id, name, kind from pool where org_id = $1 and name = 'linux'");
  const { id, name, kind } = pool as { id: PoolId; name: string; kind: string };
  return makePlaces(server.owner, { id, orgId, orgSlug: "pools", name, kind }, numbers, "jobs");
}

it("are rows, and used by the builders that name them or their labels", async () => {
  expect((await apply(text(LINUX))).added).toContain("pool linux");
  expect(await rows("select name, kind, labels, max_workers from pool where org_id = $1")).toEqual([
    { name: "linux", kind: "LocalLatentWorker", labels: ["rust"], max_workers: 3 },
  ]);
  expect(await workers()).toEqual([]);
  await make([1, 2]);
  expect(await workers()).toMatchObject([
    {
      ...{ name: "linux-1", login_name: "linux-1", kind: "LocalLatentWorker", max_builds: 1 },
      config: { build_wait_timeout: 0 },
    },
    { name: "linux-2", gone: false },
  ]);
  const all = [
    { builder: "one", worker: "linux-1" },
    { builder: "one", worker: "linux-2" },
    { builder: "two", worker: "linux-1" },
    { builder: "two", worker: "linux-2" },
    { builder: "two", worker: "w" },
  ];
  expect(await pairs()).toEqual(all);
  // Nothing of it is touched by the same once more, nor by a change of something else.
  const again = await apply(text(LINUX));
  expect([again.added, again.changed, again.removed]).toEqual([[], [], []]);
  const other = await apply(text(LINUX).replace("name: w}", "name: w, max_builds: 2}"));
  expect([other.changed, other.removed]).toEqual([["worker w"], []]);
  expect(await pairs()).toEqual(all);
});

it("are followed by their workers when they change", async () => {
  await apply(text(LINUX));
  await server.owner.rows(
    "update pool set backoff_until = now() + interval '1 hour', backoff_count = 5, backoff_reason = 'x'",
  );
  const changed = LINUX.replace("LocalLatentWorker}", "LocalLatentWorker, locks: [db]}").replace(
    "idleTimeout: 0",
    "idleTimeout: 30, maxBuildsPerWorker: 2",
  );
  expect((await apply(text(changed))).changed).toEqual(["pool linux"]);
  expect((await workers())[0]).toMatchObject({
    ...{ max_builds: 2, locks: [{ name: "db", isExclusive: false, count: 1 }] },
    config: { build_wait_timeout: 30 },
  });
  // What its machines fell over may be mended.
  expect(await rows("select backoff_until, backoff_count from pool where org_id = $1")).toEqual([
    { backoff_until: null, backoff_count: 0 },
  ]);
});

it("lose builders that ask for them no more", async () => {
  await apply(
    text(
      LINUX,
      "[{name: one, workernames: [w], factory: []}, {name: two, pools: [linux], factory: []}]",
    ),
  );
  expect(await pairs()).toEqual([
    { builder: "one", worker: "w" },
    { builder: "two", worker: "linux-1" },
    { builder: "two", worker: "linux-2" },
  ]);
});

it("go with their workers, whose names are the same when they come again", async () => {
  const before = await rows(
    "select id, name from worker where org_id = $1 and pool_id is not null",
  );
  const none = text("[]", "[{name: one, workernames: [w], factory: []}]");
  expect((await apply(none)).removed).toEqual(expect.arrayContaining(["pool linux"]));
  expect((await workers()).map(({ gone }) => gone)).toEqual([true, true]);
  expect(await pairs()).toEqual([{ builder: "one", worker: "w" }]);
  await apply(text(LINUX));
  expect(await make([1])).toEqual([before.find(({ name }) => name === "linux-1")?.id]);
  expect((await workers()).map(({ name, gone }) => [name, gone])).toEqual([
    ["linux-1", false],
    ["linux-2", true],
  ]);
});

it("have their organisation's name before theirs where another has it already (A-02)", async () => {
  const other = await server.organization("others", "workers: []\n");
  await server.owner.rows(
    "insert into worker (org_id, name, login_name, kind, config) values ($1, 'linux-3', 'linux-3', 'Worker', '{}')",
    [other],
  );
  await make([3]);
  expect((await workers()).at(-1)).toMatchObject({ name: "linux-3", login_name: "pools/linux-3" });
});
