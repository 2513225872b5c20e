// Guarantee: a machine that somebody else made joins a pool with a token that is good for nothing else, gets
// a name and a password that no other has, and its place is given to another only when it is gone (K-037);
// what scalers from outside ask for is there for those who may read (K-038).
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OrgId } from "../../../../server/domain/ids";
import { unseal } from "../../../../server/secrets/seal";
import { type Installation, KEY, openInstallation } from "./support";

const POOLS = `pools:
  - {name: deploy, worker: {type: Worker, properties: {os: linux}}, maxWorkers: 3}
  - {name: other, worker: {type: Worker}}
  - {name: cloud, worker: {type: LocalLatentWorker}, minIdle: 1}
projects: {p: {builders: [{name: b, pools: [deploy], factory: []}]}}
`;

let server: Installation;
let orgId: OrgId;
let token: string;
beforeAll(async () => {
  server = await openInstallation();
  orgId = await server.organization("main", POOLS);
  token = await server.token(orgId, "join:deploy");
});
afterAll(async () => {
  expect(server.faults).toEqual([]);
  await server.close();
});

const join = (body: object = {}, pool = "deploy", key = token, query = "") =>
  server.post(
    `/main/api/v2/pools/${pool}/join${query}`,
    { authorization: `Bearer ${key}`, "content-type": "application/json" },
    JSON.stringify(body),
  );
const sql = <R>(text: string) => server.owner.rows<R>(text);
const free = () =>
  sql("delete from worker_session; update worker set session_id = null, joined_at = null");

test("each gets a name and a password of its own, and what it needs to connect", async () => {
  const made = [await join(), await join({ protocol: "pb" }), await join()];
  expect(made.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(made.map(({ body }) => body.WORKERNAME)).toEqual(["deploy-1", "deploy-2", "deploy-3"]);
  expect(new Set(made.map(({ body }) => body.WORKERPASS)).size).toBe(3);
  expect(made[0]?.body).toMatchObject({
    ...{ BUILDMASTER: "ci.example.org", BUILDMASTER_PORT: "9989", BUILDMASTER_PROTOCOL: "pb" },
  });
  const [row] = await sql<{ sealed_password: Buffer; config: object; kind: string }>(
    "select * from worker where name = 'deploy-1'",
  );
  expect(unseal(KEY, row?.sealed_password as Buffer)).toBe(made[0]?.body.WORKERPASS);
  expect(row).toMatchObject({ kind: "Worker", config: { properties: { os: "linux" } } });
  // Builders of the pool may use them, and there is a line in the audit log without the password.
  expect(await sql("select count(*)::int as pairs from builder_worker")).toEqual([{ pairs: 3 }]);
  const audit = await sql<object>("select * from audit_entry where action = 'pool.join'");
  expect(audit).toHaveLength(3);
  expect(JSON.stringify(audit)).not.toContain(made[0]?.body.WORKERPASS);
});

test("more than may be are asked to come later", async () => {
  const full = await join();
  expect(full.status).toBe(409);
  expect(full.body.error).toBe("pool deploy has as many machines as it may (maxWorkers: 3)");
});

test("a place is free when its machine is gone for two minutes, and not before", async () => {
  await sql(
    `insert into worker_session (org_id, worker_id, process_id, protocol, peer, started_at, ended_at)
     select org_id, id, 1, 'pb', '10.0.0.7', now() - interval '1 hour', now() - interval '100 seconds' from worker
     where name = 'deploy-2'`,
  );
  await sql("update worker set joined_at = now() - interval '2 hours' where name = 'deploy-2'");
  expect((await join()).status).toBe(409);
  const password = "select sealed_password from worker where name = 'deploy-2'";
  const [before] = await sql(password);
  await sql("update worker_session set ended_at = now() - interval '121 seconds'");
  // Until another has the place, the one that comes back late is still let in.
  expect((await sql(password))[0]).toEqual(before);
  const again = await join();
  expect(again.body.WORKERNAME).toBe("deploy-2");
  expect((await sql(password))[0]).not.toEqual(before);
});

test("one that never came is waited for five minutes", async () => {
  expect((await join()).status).toBe(409);
  await sql("update worker set joined_at = now() - interval '301 seconds' where name = 'deploy-3'");
  expect((await join()).body.WORKERNAME).toBe("deploy-3");
});

test("a pod of a StatefulSet has its number, unless somebody is there", async () => {
  await free();
  expect((await join({ number: 0 })).body.WORKERNAME).toBe("deploy-0");
  expect((await join({ number: 2 })).body.WORKERNAME).toBe("deploy-2");
  // Started again: the same place, another password.
  expect((await join({ number: 2 })).body.WORKERNAME).toBe("deploy-2");
  expect((await join({ number: 4 })).body.error).toContain("places up to 3");
  await sql(
    `insert into process (id, kind, host, pid, lease_expires_at) values (77, 'socket', 'test', 1, now() + interval '1 hour')`,
  );
  await sql(
    `with s as (insert into worker_session (org_id, worker_id, process_id, protocol, peer)
       select org_id, id, 77, 'pb', '10.0.0.7' from worker where name = 'deploy-2' returning id, worker_id)
     update worker set session_id = s.id from s where worker.id = s.worker_id`,
  );
  const taken = await join({ number: 2 });
  expect(taken.status).toBe(409);
  expect(taken.body.error).toBe("worker deploy-2 is connected already, from 10.0.0.7");
});

test("places by number and any place together are no more than the pool may have", async () => {
  await free();
  const numbered = [
    await join({ number: 0 }),
    await join({ number: 1 }),
    await join({ number: 3 }),
  ];
  expect(numbered.map(({ status }) => status)).toEqual([200, 200, 200]);
  for (const more of [await join(), await join({ number: 2 })]) {
    expect(more.status).toBe(409);
    expect(more.body.error).toContain("as many machines as it may (maxWorkers: 3)");
  }
  // A pod that was started again has its own place.
  expect((await join({ number: 1 })).status).toBe(200);
});

test("many that join at once never get one place", async () => {
  await free();
  const made = await Promise.all(Array.from({ length: 6 }, () => join()));
  const names = made.filter(({ status }) => status === 200).map(({ body }) => body.WORKERNAME);
  expect(names.sort()).toEqual(["deploy-1", "deploy-2", "deploy-3"]);
});

test("held or drained, it takes nobody in", async () => {
  await free();
  await sql(
    "update pool set steering = 'hold', steered_by = 'ada', steer_reason = 'new image' where name = 'deploy'",
  );
  expect((await join()).body.error).toBe("pool deploy is held by ada: new image");
  await sql("update pool set steering = null");
});

test("lines for a shell, where nothing reads JSON", async () => {
  const { text, headers } = await join({}, "deploy", token, "?format=env");
  expect(headers.get("content-type")).toContain("text/plain");
  expect(text).toMatch(
    /^export WORKERNAME='deploy-1'\nexport WORKERPASS='\S+'\nexport BUILDMASTER='ci.example.org'\nexport BUILDMASTER_PORT='9989'\n/,
  );
});

test("the token is good for its pools and for nothing else, and other tokens are not for this", async () => {
  expect((await join({}, "other")).status).toBe(403);
  expect((await server.get("/main/api/v2/workers", token)).status).toBe(403);
  expect((await join({}, "other", await server.token(orgId, "join"))).status).toBe(200);
  const rest = await server.token(orgId, "read", "trigger", "workers", "config");
  expect((await join({}, "deploy", rest)).status).toBe(403);
  expect((await join({}, "nowhere", await server.token(orgId, "join"))).status).toBe(404);
  expect((await join({ number: -1 })).status).toBe(400);
  expect((await join({ protocol: "msgpack_experimental_v7" })).status).toBe(409);
});

test("what no machine has to say is not read", async () => {
  expect((await join({ number: 1, more: "x".repeat(5_000) })).status).toBe(413);
  expect((await join({ number: 1, more: "x" })).status).toBe(400);
});

test("a pool that makes its own machines has nobody join", async () => {
  const { status, body } = await join({}, "cloud", await server.token(orgId, "join"));
  expect(status).toBe(409);
  expect(body.error).toContain("makes its own machines");
});

test("another organisation's pool is not found", async () => {
  const foreign = await server.organization("foreign", POOLS);
  const key = await server.token(foreign, "join");
  expect((await join({}, "deploy", key)).status).toBe(401);
  const [pool] = await sql<{ id: number }>(`select id from pool where org_id = ${orgId} limit 1`);
  const { status } = await server.post(
    `/foreign/api/v2/pools/${pool?.id}/join`,
    { authorization: `Bearer ${key}` },
    "{}",
  );
  expect(status).toBe(404);
  // Its names are not free in the installation, so the organisation's stands before them.
  const made = await server.post(
    "/foreign/api/v2/pools/deploy/join",
    { authorization: `Bearer ${key}` },
    "",
  );
  expect(made.body.WORKERNAME).toBe("foreign/deploy-1");
});

test("what scalers ask for, for those who may read (K-038)", async () => {
  await sql(
    `update pool set figures = '{"queue": 4, "desired": 3, "limits": []}' where org_id = ${orgId} and name = 'deploy'`,
  );
  expect((await server.get("/main/api/v2/metrics")).status).toBe(401);
  expect((await server.get("/main/api/v2/metrics", token)).status).toBe(403);
  const { text, headers } = await server.get(
    "/main/api/v2/metrics",
    await server.token(orgId, "read"),
  );
  expect(headers.get("content-type")).toContain("text/plain; version=0.0.4");
  expect(text).toContain("# TYPE buildbot_pool_desired_workers gauge\n");
  expect(text).toContain('buildbot_pool_desired_workers{pool="deploy"} 3\n');
  expect(text).toContain('buildbot_pool_queue{pool="deploy"} 4\n');
  expect(text).toContain('buildbot_pool_max_workers{pool="cloud"} 10\n');
  // Machines, whether of a pool or not.
  expect(text).toContain("# TYPE latent_orphans gauge\nlatent_orphans 0\n");
  expect(text).toContain('latent_instances{state="running"} 0\n');
});
