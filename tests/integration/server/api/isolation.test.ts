/**
 * Guarantee: the pages' API shows a member their organisation and answers "not found" for everything
 * of another one, whatever procedure is asked; roles decide what may be changed.
 */
import { TRPCError } from "@trpc/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ApiContext } from "../../../../server/api/context";
import { appRouter } from "../../../../server/api/router";
import { createCallerFactory } from "../../../../server/api/trpc";
import type { Role, SignedInUser } from "../../../../server/auth";
import { orgDatabase } from "../../../../server/db/org-database";
import { type Database, only, openDatabase } from "../../../../server/db/pool";
import type { OrgId, UserId } from "../../../../server/domain/ids";
import { createEngineCommands } from "../../../../server/engine";
import { readProcessEnv } from "../../../../server/env";
import { createFleetCommands } from "../../../../server/fleet";
import { createTestDatabase, type TestDatabase } from "../../../support/database";

let database: TestDatabase;
let owner: Database;
let web: Database;
const ids = { own: 0, foreign: 0, ada: 0 };
const call = createCallerFactory(appRouter);

beforeAll(async () => {
  database = await createTestDatabase();
  const onError = () => {};
  owner = openDatabase({ url: database.url, max: 2, name: "test", onError });
  web = openDatabase({ url: database.url, max: 4, name: "test-web", role: "slipway_web", onError });
  const org = async (slug: string) =>
    only(
      await owner.rows<{ id: number }>(
        "insert into organization (slug, name) values ($1, $1) returning id",
        [slug],
      ),
    ).id;
  ids.own = await org("own");
  ids.foreign = await org("foreign");
  ids.ada = only(
    await owner.rows<{ id: number }>(
      "insert into user_account (email, name) values ('ada@example.org', 'Ada') returning id",
    ),
  ).id;
  await owner.rows("insert into membership (org_id, user_id, role) values ($1, $2, 'owner')", [
    ids.own,
    ids.ada,
  ]);
});

afterAll(async () => {
  await web?.end();
  await owner?.end();
  await database?.drop();
});

function as(role: Role | null) {
  const db = orgDatabase(web);
  const context = {
    db,
    wake: () => {},
    announce: () => {},
    tell: () => {},
    machinesAsked: () => {},
  };
  const runtime: ApiContext["runtime"] = {
    env: readProcessEnv({ DATABASE_URL: database.url, SLIPWAY_SECRET_KEY: "k".repeat(43) }),
    db,
    commands: createEngineCommands(context),
    fleet: createFleetCommands(context),
    configChanged: () => {},
    repositoryAsked: () => {},
    driverTestAsked: () => {},
  };
  const user: SignedInUser | null =
    role === null
      ? null
      : {
          userId: ids.ada as UserId,
          sessionId: "00000000-0000-4000-8000-000000000000",
          email: "ada@example.org",
          name: "Ada",
          isAdmin: false,
          memberships: [{ orgId: ids.own as OrgId, slug: "own", name: "own", role }],
        };
  return call({ runtime, user });
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "answered";
  } catch (error) {
    if (error instanceof TRPCError) return error.code;
    throw error;
  }
}

const YAML = `workers:
  - {type: Worker, name: crane, password: sixteen-letters-x}
projects:
  hull:
    builders:
      - name: keel
        workernames: [crane]
        factory: [{type: ShellCommand, name: test, command: [make, test]}]
`;

test("a configuration becomes builders and workers that the lists show, with why a request waits", async () => {
  const api = as("owner");
  const before = await api.config.current({ org: "own" });
  const answer = await api.config.activate({ org: "own", text: YAML, base: before.revision });
  expect(answer).toMatchObject({ isApplied: true });
  const { builders } = await api.builders.list({ org: "own" });
  expect(builders).toMatchObject([{ name: "keel", project: "hull", workers: 1, connected: 0 }]);
  const builderId = builders[0]?.id ?? 0;
  const forced = await api.builders.force({
    org: "own",
    builderId,
    reason: "try",
    branch: "main",
    revision: "",
    repository: "",
    priority: 0,
    properties: [{ name: "speed", value: "slow" }],
    idempotencyKey: "one-double-click",
  });
  const { requests } = await api.requests.list({ org: "own" });
  expect(requests).toMatchObject([
    { id: forced.requestId, builder: "keel", position: 1, why: { link: { text: "crane" } } },
  ]);
  const { workers } = await api.workers.list({ org: "own" });
  expect(workers).toMatchObject([{ name: "crane", shown: { word: "offline" } }]);
  expect(await api.organizations.pulse({ org: "own" })).toEqual({
    running: 0,
    pending: 1,
    workers: 1,
    connected: 0,
    dormant: 0,
  });
});

test("errors of a configuration come with their lines, and nothing changes", async () => {
  const api = as("owner");
  const { revision, text } = await api.config.current({ org: "own" });
  const wrong = YAML.replace("workernames", "workernamez");
  const answer = await api.config.activate({ org: "own", text: wrong, base: revision });
  expect(answer.isApplied).toBe(false);
  if (!answer.isApplied) expect(answer.errors[0]?.line).toBeGreaterThan(0);
  expect((await api.config.current({ org: "own" })).text).toBe(text);
});

test("a worker added by a button is in the configuration, its password only in the answer", async () => {
  const api = as("maintainer");
  const made = await api.workers.add({ org: "own", name: "winch", maxBuilds: 2 });
  const { text } = await api.config.current({ org: "own" });
  expect(text).toContain("winch");
  expect(text).not.toContain(made.password);
  expect(await api.workers.one({ org: "own", workerId: made.workerId })).toMatchObject({
    name: "winch",
    maxBuilds: 2,
    hasPassword: true,
  });
});

test("another organisation is not found, nor are its ids below one's own address", async () => {
  const api = as("owner");
  expect(await codeOf(api.builders.list({ org: "foreign" }))).toBe("NOT_FOUND");
  const { id: builderId } = only(
    await owner.rows<{ id: number }>(
      "insert into builder (org_id, name, builddir, tags) values ($1, 'secret', 'secret', '{}') returning id",
      [ids.foreign],
    ),
  );
  const { id: workerId } = only(
    await owner.rows<{ id: number }>(
      "insert into worker (org_id, name, login_name, kind, config) values ($1, 'spy', 'spy', 'Worker', '{}') returning id",
      [ids.foreign],
    ),
  );
  const org = "own";
  expect(await codeOf(api.builders.one({ org, builderId }))).toBe("NOT_FOUND");
  expect(await codeOf(api.builds.one({ org, builderId, number: 1 }))).toBe("NOT_FOUND");
  expect(await codeOf(api.builds.stop({ org, buildId: 1, reason: "x" }))).toBe("NOT_FOUND");
  expect(await codeOf(api.workers.one({ org, workerId }))).toBe("NOT_FOUND");
  expect(await codeOf(api.workers.connection({ org, workerId }))).toBe("NOT_FOUND");
  expect(await codeOf(api.workers.newPassword({ org, workerId }))).toBe("NOT_FOUND");
  expect(
    await codeOf(api.workers.act({ org, workerIds: [workerId], action: "pause", reason: "x" })),
  ).toBe("NOT_FOUND");
  const many = { org, workerIds: [workerId], action: "kill" as const, reason: "x" };
  expect(await api.workers.controlMany(many)).toEqual({ changed: [], unknown: [workerId] });
  await owner.rows(
    "insert into worker_event (org_id, worker_id, kind, reason, actor) values ($1, $2, 'connected', 'x', 'worker')",
    [ids.foreign, workerId],
  );
  expect(await api.workers.history({ org, workerId })).toEqual({ events: [], before: null });
  await owner.rows("insert into worker_loss (org_id, worker_id) values ($1, $2)", [
    ids.foreign,
    workerId,
  ]);
  expect(await api.workers.losses({ org, workerId })).toEqual({ losses: [] });
  expect(await codeOf(as("developer").workers.controlMany(many))).toBe("FORBIDDEN");
  const { id: poolId } = only(
    await owner.rows<{ id: number }>(
      "insert into pool (org_id, name, kind, config, max_workers) values ($1, 'spies', 'Worker', '{}', 3) returning id",
      [ids.foreign],
    ),
  );
  await owner.rows(
    `insert into pool_sample (pool_id, at, org_id, queue, desired, starting, idle, busy)
     values ($2, now(), $1, 1, 1, 1, 1, 1)`,
    [ids.foreign, poolId],
  );
  expect(await api.pools.list({ org })).toEqual([]);
  expect(await codeOf(api.pools.one({ org, poolId }))).toBe("NOT_FOUND");
  expect((await api.pools.graph({ org, poolId })).points).toEqual([]);
  const hold = { org, poolId, how: "hold" as const, reason: "x" };
  expect(await codeOf(api.pools.steer(hold))).toBe("NOT_FOUND");
  expect(await codeOf(as("developer").pools.steer(hold))).toBe("FORBIDDEN");
  expect(await codeOf(api.pools.joinTokens({ org, poolId }))).toBe("NOT_FOUND");
  const token = { org, poolId, name: "x", days: null, maxUses: null };
  expect(await codeOf(api.pools.createJoinToken(token))).toBe("NOT_FOUND");
  expect(await codeOf(as("developer").pools.createJoinToken(token))).toBe("FORBIDDEN");
  expect(await codeOf(as("developer").pools.joinTokens({ org, poolId }))).toBe("FORBIDDEN");
  expect(await codeOf(api.pools.revokeJoinToken({ org, poolId, tokenId: 1 }))).toBe("NOT_FOUND");
  expect(await api.builds.page({ org, builderId })).toEqual({ builds: [], before: null });
  const foreign = async (sql: string) =>
    only(await owner.rows<{ id: number }>(sql, [ids.foreign])).id;
  const schedulerId = await foreign(
    "insert into scheduler (org_id, name, kind, config) values ($1, 'spy', 'x', '{}') returning id",
  );
  const changeSourceId = await foreign(
    "insert into change_source (org_id, name, kind, config) values ($1, 'spy', 'x', '{}') returning id",
  );
  await foreign(
    `insert into change (org_id, author, comments, files, repository, project, codebase, when_at)
     values ($1, 'spy', '', '{}', '', '', '', now()) returning id`,
  );
  expect(await codeOf(api.schedulers.enable({ org, schedulerId, isEnabled: false }))).toBe(
    "NOT_FOUND",
  );
  expect(await codeOf(api.schedulers.pollNow({ org, changeSourceId }))).toBe("NOT_FOUND");
  expect(await api.schedulers.list({ org })).toEqual({ schedulers: [], sources: [] });
  expect(await api.changes.page({ org })).toEqual({ changes: [], before: null });
  expect(await api.changes.ofBuild({ org, buildId: 1 })).toEqual([]);
  expect(await api.search.find({ org, text: "s" })).toSatisfy((found: { name: string }[]) =>
    found.every(({ name }) => name !== "secret" && name !== "spy"),
  );
});

test("who failed at the door without a name is shown where it can be nobody else's", async () => {
  await owner.rows(
    "insert into door_event (peer, reason, detail) values ('10.0.0.9', 'tls-at-plain-door', 'x')",
  );
  await owner.rows(
    "insert into door_event (org_id, peer, reason, detail) values ($1, '10.0.0.8', 'wrong-password', 'x')",
    [ids.foreign],
  );
  await owner.rows(
    `insert into door_event (peer, login_name, reason, detail)
     select '10.0.0.' || n, name, 'unknown-name', 'x'
     from (values (1, 'root'), (2, 'root'), (3, 'cranne')) said (n, name)`,
  );
  const seen = () => as("owner").workers.strangers({ org: "own", since: 0 });
  const names = () => as("owner").workers.unknownNames({ org: "own" });
  expect(await seen()).toEqual({ events: [], isVisible: false });
  expect(await names()).toEqual({ names: [], isVisible: false });
  await owner.rows("update user_account set is_admin = true where id = $1", [ids.ada]);
  expect((await seen()).events.map(({ peer }) => peer)).toContain("10.0.0.9");
  expect((await seen()).events.map(({ peer }) => peer)).not.toContain("10.0.0.8");
  expect((await names()).names).toMatchObject([
    { name: "cranne", times: 1, peers: ["10.0.0.3"], meant: { name: "crane" } },
    { name: "root", times: 2, peers: ["10.0.0.1", "10.0.0.2"], meant: null },
  ]);
  await owner.rows("update user_account set is_admin = false where id = $1", [ids.ada]);
  expect(await codeOf(as("viewer").workers.strangers({ org: "own", since: 0 }))).toBe("FORBIDDEN");
  expect(await codeOf(as("developer").workers.unknownNames({ org: "own" }))).toBe("FORBIDDEN");
  expect(await codeOf(as("developer").workers.doors({ org: "own" }))).toBe("FORBIDDEN");
  expect(await codeOf(as("developer").workers.probe({ org: "own" }))).toBe("FORBIDDEN");
});

test("secrets are listed with what uses them, and what is named and not set", async () => {
  const api = as("admin");
  const org = "own";
  await api.secrets.set({ org, name: "spare", value: "never shown again" });
  const { text, revision } = await api.config.current({ org });
  const changed = text.replace("command: [make, test]", 'command: "make DEPLOY=%(secret:deploy)s"');
  expect(changed).not.toBe(text);
  await as("owner").config.activate({ org, text: changed, base: revision });
  const before = await api.secrets.list({ org });
  const spare = { name: "spare", updatedBy: "ada@example.org", usedBy: [] };
  expect(before.secrets.find(({ name }) => name === "spare")).toMatchObject(spare);
  const password = before.secrets.find(({ name }) => name === "worker/crane/password");
  expect(password?.usedBy).toEqual(["worker crane"]);
  const users = ["project hull: builder keel"];
  expect(before.missing).toEqual([{ name: "deploy", usedBy: users }]);
  await api.secrets.set({ org, name: "deploy", value: "x" });
  const { secrets, missing } = await api.secrets.list({ org });
  expect([secrets[0], missing]).toMatchObject([{ name: "deploy", usedBy: users }, []]);
  await api.secrets.remove({ org, name: "spare" });
  expect(await codeOf(api.secrets.remove({ org, name: "spare" }))).toBe("NOT_FOUND");
  expect(await codeOf(api.secrets.set({ org, name: "no spaces", value: "x" }))).toBe("BAD_REQUEST");
  expect(await codeOf(api.secrets.list({ org: "foreign" }))).toBe("NOT_FOUND");
  expect(await codeOf(as("maintainer").secrets.list({ org }))).toBe("FORBIDDEN");
});

test("who is not signed in is asked to, and roles decide", async () => {
  expect(await codeOf(as(null).builders.list({ org: "own" }))).toBe("UNAUTHORIZED");
  const viewer = as("viewer");
  expect(await codeOf(viewer.builders.list({ org: "own" }))).toBe("answered");
  expect(await codeOf(viewer.config.current({ org: "own" }))).toBe("FORBIDDEN");
  expect(await codeOf(viewer.tokens.list({ org: "own" }))).toBe("FORBIDDEN");
  const { workers } = await viewer.workers.list({ org: "own" });
  const environ = { org: "own", workerId: workers[0]?.id ?? 0 };
  expect(await codeOf(as("developer").workers.environ(environ))).toBe("FORBIDDEN");
  expect(await codeOf(as("maintainer").workers.environ(environ))).toBe("answered");
  expect(
    await codeOf(viewer.workers.act({ org: "own", workerIds: [1], action: "kill", reason: "" })),
  ).toBe("FORBIDDEN");
  expect(
    await codeOf(as("developer").projects.create({ org: "own", name: "x", description: "" })),
  ).toBe("FORBIDDEN");
});

test("nobody gives or takes a role above their own, and an owner stays", async () => {
  const role = { org: "own", userId: ids.ada, role: "viewer" } as const;
  expect(await codeOf(as("admin").members.setRole(role))).toBe("FORBIDDEN");
  expect(await codeOf(as("owner").members.setRole(role))).toBe("CONFLICT");
  expect(
    await codeOf(as("admin").members.invite({ org: "own", email: "x@example.org", role: "owner" })),
  ).toBe("FORBIDDEN");
});

test("a token is shown once and can be revoked", async () => {
  const api = as("owner");
  const { token } = await api.tokens.create({
    org: "own",
    name: "ci",
    scopes: ["read"],
    days: 30,
  });
  const { tokens } = await api.tokens.list({ org: "own" });
  expect(token.startsWith(tokens[0]?.prefix ?? "-")).toBe(true);
  await api.tokens.revoke({ org: "own", tokenId: tokens[0]?.id ?? 0 });
  expect((await api.tokens.list({ org: "own" })).tokens[0]?.revokedAt).not.toBeNull();
});

test("machines are stopped by maintainers, limits are set by owners, and both are recorded", async () => {
  const worker = only(
    await owner.rows<{ id: number }>(
      `insert into worker (org_id, name, login_name, kind, config) values ($1, 'cloud', 'cloud', 'FakeLatentWorker', '{}') returning id`,
      [ids.own],
    ),
  ).id;
  const machine = (org: number, key: string) =>
    owner.rows<{ id: number }>(
      `insert into instance (org_id, worker_id, driver, key, state, reason) values ($1, $2, 'FakeLatentWorker', $3, 'running', 'r') returning id`,
      [org, worker, key],
    );
  const instanceId = only(await machine(ids.own, "bb-own")).id;
  const foreign = only(await machine(ids.foreign, "bb-foreign")).id;
  const stop = { org: "own", instanceId, reason: "too dear" };
  expect(await codeOf(as("developer").instances.stop(stop))).toBe("FORBIDDEN");
  expect(await codeOf(as("developer").instances.sweepNow({ org: "own" }))).toBe("FORBIDDEN");
  const elsewhere = { ...stop, instanceId: foreign };
  expect(await codeOf(as("maintainer").instances.stop(elsewhere))).toBe("NOT_FOUND");
  await as("maintainer").instances.stop(stop);
  const limits = {
    ...{ maxInstances: 3, maxHoursPerDay: null, maxHoursPerMonth: null, maxCostPerDay: 9.5 },
    ...{ maxCostPerMonth: null, currency: "EUR", notify: ["a@example.org"], isDryRun: false },
  };
  expect(await codeOf(as("admin").instances.setLimits({ org: "own", ...limits }))).toBe(
    "FORBIDDEN",
  );
  await as("owner").instances.setLimits({ org: "own", ...limits });
  const told = await as("viewer").instances.limits({ org: "own" });
  expect(told).toMatchObject({ limits, changedBy: "ada@example.org", reached: null });
  expect(told.states[0]).toMatchObject({ cap: "max_instances", limit: 3, used: 1 });
  await as("owner").instances.setLimits({ org: "own", ...limits, maxInstances: 1 });
  expect((await as("viewer").instances.limits({ org: "own" })).reached).toContain("max_instances");
  const audit = await owner.rows<{ action: string; actor: string }>(
    "select action, actor from audit_entry where action like 'instance%' order by id",
  );
  expect(audit).toEqual([
    { action: "instance.stop", actor: "ada@example.org" },
    { action: "instances.limits", actor: "ada@example.org" },
    { action: "instances.limits", actor: "ada@example.org" },
  ]);
});
