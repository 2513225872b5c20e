// Guarantee: who may read sees how large each pool is, how large it wants to be, what keeps it from that and
// which machines it has (K-039), and nothing of another organisation's.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OrgId } from "../../../../server/domain/ids";
import { type Installation, openInstallation } from "./support";

const POOLS = `pools:
  - {name: deploy, worker: {type: Worker}, maxWorkers: 3, labels: [linux, rust]}
  - {name: cloud, worker: {type: LocalLatentWorker}, scaleUpRate: 2}
projects: {p: {builders: [{name: b, pools: [deploy], factory: []}, {name: c, pools: [cloud, deploy], factory: []}]}}
`;

let server: Installation;
let orgId: OrgId;
let key: string;
beforeAll(async () => {
  server = await openInstallation();
  orgId = await server.organization("main", POOLS);
  key = await server.token(orgId, "read");
});
afterAll(async () => {
  expect(server.faults).toEqual([]);
  await server.close();
});

const get = (path: string, token = key, org = "main") => server.get(`/${org}/api/v2${path}`, token);
const sql = <R>(text: string) => server.owner.rows<R>(text);
const limits = [
  {
    code: "rate",
    room: 0,
    sentence: "starts 2 machines a minute at most",
    until: 1_790_000_000_900,
  },
  { code: "max", room: 4, sentence: "may have 10 machines (maxWorkers)", until: null },
];

test("a pool that nobody has looked at yet", async () => {
  const { body } = await get("/pools?order=-name");
  expect(body.meta.total).toBe(2);
  expect(body.pools[0]).toEqual({
    ...{ poolid: expect.any(Number), name: "deploy", active: true, kind: "Worker" },
    ...{ labels: ["linux", "rust"], max_workers: 3, size: 0, desired: 0, queue: 0 },
    ...{ starting: 0, idle: 0, busy: 0, stopping: 0, limits: [], looked_at: null },
    ...{ steering: null, backoff: null, machines: [] },
    options: {
      ...{ minIdle: 0, maxWorkers: 3, maxBuildsPerWorker: 1, idleTimeout: null },
      ...{ maxLifetime: null, maxBuildsPerInstance: null, scaleUpRate: null, budget: null },
    },
  });
});

test("its demand, its machines, and why it is not larger", async () => {
  const figures = { queue: 7, desired: 5, starting: 1, idle: 0, busy: 1, stopping: 1, limits };
  await sql(
    `update pool set figures = '${JSON.stringify(figures)}', figures_at = to_timestamp(1790000000),
       backoff_until = to_timestamp(1790000060.5), backoff_code = 'quota', backoff_reason = '3 of the last 4 machines did not start'
     where name = 'cloud'`,
  );
  await sql(
    `with w as (insert into worker (org_id, name, login_name, kind, config, pool_id, pool_number)
       select ${orgId}, 'cloud-' || n, 'cloud-' || n, p.kind, '{}', p.id, n
       from pool p cross join generate_series(1, 3) n where p.name = 'cloud' returning id, org_id, pool_number)
     insert into latent_worker (org_id, worker_id, state, reason, state_since)
     select org_id, id, (array['substantiated', 'insubstantiated', 'starting'])[pool_number], 'a build waits for it',
       to_timestamp(1790000000 + pool_number) from w`,
  );
  const { body } = await get("/pools/cloud");
  expect(body.pools).toHaveLength(1);
  expect(body.pools[0]).toMatchObject({
    ...{
      queue: 7,
      desired: 5,
      starting: 1,
      busy: 1,
      stopping: 1,
      size: 2,
      looked_at: 1_790_000_000,
    },
    options: { scaleUpRate: 2 },
    backoff: {
      until: 1_790_000_060,
      code: "quota",
      reason: "3 of the last 4 machines did not start",
    },
    limits: [
      { code: "rate", room: 0, reason: limits[0]?.sentence, until: 1_790_000_000 },
      { code: "max", room: 4, reason: limits[1]?.sentence, until: null },
    ],
  });
  expect(body.pools[0].machines).toEqual([
    expect.objectContaining({ worker: "cloud-1", state: "substantiated", since: 1_790_000_001 }),
    expect.objectContaining({ worker: "cloud-3", state: "starting", since: 1_790_000_003 }),
  ]);
  const names = async (path: string, of: string) =>
    (await get(path)).body[of].map(({ name }: { name: string }) => name);
  expect(await names("/pools/cloud/workers?order=name", "workers")).toEqual([
    ...["cloud-1", "cloud-2", "cloud-3"],
  ]);
  expect(await names("/builders/c/pools?order=name", "pools")).toEqual(["cloud", "deploy"]);
  expect(await names("/builders/b/pools", "pools")).toEqual(["deploy"]);
  expect(await names("/pools?desired__ge=1", "pools")).toEqual(["cloud"]);
  expect(await names("/pools?labels__contains=rust", "pools")).toEqual(["deploy"]);
  expect((await get("/pools?field=name&field=size&order=name")).body.pools).toEqual([
    { name: "cloud", size: 2 },
    { name: "deploy", size: 0 },
  ]);
});

test("steered by somebody", async () => {
  await sql(
    `update pool set steering = 'hold', steered_by = 'ada', steer_reason = 'new image', steered_at = to_timestamp(1790000000)
     where name = 'deploy'`,
  );
  expect((await get("/pools/deploy?field=steering")).body.pools).toEqual([
    { steering: { how: "hold", by: "ada", reason: "new image", since: 1_790_000_000 } },
  ]);
});

test("one that was taken out of the configuration is not active", async () => {
  await sql("update pool set removed_at = now() where name = 'deploy'");
  const names = async (path: string) =>
    (await get(path)).body.pools.map(({ name }: { name: string }) => name);
  expect(await names("/pools?active=true")).toEqual(["cloud"]);
  expect(await names("/pools?active=false")).toEqual(["deploy"]);
});

test("nothing of another organisation's, and nothing without the right to read", async () => {
  const foreign = await server.organization("foreign", POOLS);
  const other = await server.token(foreign, "read");
  const [pool] = await sql<{ id: number }>(`select id from pool where org_id = ${orgId} limit 1`);
  for (const path of [`/pools/${pool?.id}`, `/pools/${pool?.id}/workers`]) {
    expect((await get(path, other, "foreign")).status, path).toBe(404);
  }
  expect((await get("/pools/cloud/workers", other, "foreign")).body.workers).toEqual([]);
  expect((await get("/pools/nowhere")).status).toBe(404);
  expect((await get("/pools", await server.token(orgId, "join"))).status).toBe(403);
  expect((await get("/pools", "slw_nobody")).status).toBe(401);
});
