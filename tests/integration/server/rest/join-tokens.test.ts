// Guarantee: a pool's own tokens let machines join that pool and nothing else, so many times and so long, and
// the page knows how often, by whom and which workers came by each (K-037).
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ApiContext } from "../../../../server/api/context";
import {
  createJoinToken,
  listJoinTokens,
  revokeJoinToken,
} from "../../../../server/api/pools/join-tokens";
import type { OrgScope } from "../../../../server/api/trpc";
import type { OrgId } from "../../../../server/domain/ids";
import { type Installation, openInstallation } from "./support";

const POOLS = `pools:
  - {name: deploy, worker: {type: Worker}, maxWorkers: 6}
  - {name: other, worker: {type: Worker}}
  - {name: cloud, worker: {type: LocalLatentWorker}}
projects: {p: {builders: [{name: b, pools: [deploy], factory: []}]}}
`;

let server: Installation;
let orgId: OrgId;
let org: OrgScope;
let ids: Record<string, number>;
beforeAll(async () => {
  server = await openInstallation();
  orgId = await server.organization("main", POOLS);
  org = scopeOf(orgId);
  ids = await poolsOf(orgId);
});
afterAll(async () => {
  expect(server.faults).toEqual([]);
  await server.close();
});

const scopeOf = (id: OrgId) =>
  ({
    ...{ orgId: id, user: { email: "ada@example.org" } },
    within: (work: never) => server.db.within({ orgId: id }, work),
  }) as unknown as OrgScope;
const poolsOf = async (id: OrgId) =>
  Object.fromEntries(
    (
      await server.owner.rows<{ id: number; name: string }>(
        "select id, name from pool where org_id = $1",
        [id],
      )
    ).map((row) => [row.name, row.id]),
  );
const idOf = (name: string) => ids[name] as number;
const make = (over: Partial<Parameters<typeof createJoinToken>[1]> = {}) =>
  createJoinToken(
    org,
    { poolId: idOf("deploy"), name: "pods", days: null, maxUses: null, ...over },
    Date.now(),
  ).then(({ token }) => token);
const list = async (poolId = idOf("deploy"), scope = org) =>
  listJoinTokens({ runtime: { env: server.env } } as unknown as ApiContext, scope, { poolId });
const join = (token: string, pool = "deploy") =>
  server.post(`/main/api/v2/pools/${pool}/join`, { authorization: `Bearer ${token}` }, "{}");

test("a token of a pool: good for that pool, and told of with its workers", async () => {
  const token = await make();
  expect((await join(token)).status).toBe(200);
  expect((await join(token)).body.WORKERNAME).toBe("deploy-2");
  expect((await join(token, "other")).status).toBe(403);
  expect((await server.get("/main/api/v2/workers", token)).status).toBe(403);
  const { tokens, doors, others } = await list();
  expect(tokens).toHaveLength(1);
  expect(tokens[0]).toMatchObject({
    ...{ name: "pods", prefix: token.slice(0, 10), createdBy: "ada@example.org", uses: 2 },
    ...{ maxUses: null, expiresAt: null, isExpired: false, revokedAt: null },
    lastUsedAt: expect.any(Number),
    workers: [
      { name: "deploy-1", isConnected: false, at: expect.any(Number) },
      { name: "deploy-2", isConnected: false },
    ],
  });
  expect(doors).toMatchObject({ host: "ci.example.org", pbPort: 9989, tls: null });
  expect(others).toBe(0);
  await server.token(orgId, "join:dep*");
  expect((await list()).others).toBe(1);
  expect((await list(idOf("other"))).tokens).toEqual([]);
  // Its hash alone is kept.
  const [row] = await server.owner.rows<{ text: string }>(
    "select string_agg(t::text, ' ') as text from api_token t",
  );
  expect(row?.text).not.toContain(token);
});

test("no machine more than it is for, also when many come at once; a place that is refused is no use", async () => {
  const token = await make({ name: "two", maxUses: 2 });
  await server.owner.rows(
    "update pool set steering = 'hold', steered_by = 'x' where name = 'deploy'",
  );
  expect((await join(token)).status).toBe(409);
  await server.owner.rows("update pool set steering = null where name = 'deploy'");
  const answers = await Promise.all(Array.from({ length: 5 }, () => join(token)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 403, 403, 403]);
  expect(answers.find(({ status }) => status === 403)?.body.error).toBe(
    "the token was used as often as it may be",
  );
  expect((await list()).tokens[0]).toMatchObject({ name: "two", uses: 2, maxUses: 2 });
});

test("expired or revoked it lets nobody in; who joined stays", async () => {
  const short = await make({ name: "short", days: 1 });
  expect((await join(short)).status).toBe(200);
  await server.owner.rows("update api_token set expires_at = now() where name = 'short'");
  expect((await join(short)).status).toBe(401);
  const { tokens } = await list();
  expect(tokens[0]).toMatchObject({ name: "short", isExpired: true });
  const pods = tokens.find(({ name }) => name === "pods");
  await revokeJoinToken(org, { poolId: idOf("deploy"), tokenId: pods?.id as number });
  const after = (await list()).tokens.find(({ name }) => name === "pods");
  expect(after?.revokedAt).toEqual(expect.any(Number));
  expect(after?.workers).toHaveLength(2);
});

test("made and revoked with a name, in the audit log", async () => {
  const entries = await server.owner.rows<{ action: string; actor: string; detail: object }>(
    "select action, actor, detail from audit_entry where action like 'pool.token.%' order by id",
  );
  expect(entries.map(({ action }) => action)).toEqual([
    ...Array(3).fill("pool.token.create"),
    "pool.token.revoke",
  ]);
  expect(entries[1]).toEqual({
    ...{ action: "pool.token.create", actor: "ada@example.org" },
    detail: { token: "two", days: null, maxUses: 2 },
  });
});

test("not of a pool that makes its own machines, nor of another organisation's", async () => {
  await expect(make({ poolId: idOf("cloud") })).rejects.toThrow("makes its own machines");
  const foreign = await server.organization("foreign", POOLS);
  const theirs = await poolsOf(foreign);
  await expect(make({ poolId: theirs.deploy as number })).rejects.toThrow("pool not found");
  await expect(list(theirs.deploy as number)).rejects.toThrow("pool not found");
  const [own] = (await list()).tokens;
  await expect(
    revokeJoinToken(scopeOf(foreign), {
      poolId: idOf("deploy"),
      tokenId: own?.id as number,
    }),
  ).rejects.toThrow("token not found");
});
