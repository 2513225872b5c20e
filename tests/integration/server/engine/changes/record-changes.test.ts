/**
 * From a change to builds, over a real database: storing and deciding are one transaction (C-082),
 * timers outlive every process, each is acted on once (C-080), newer requests take the place of
 * older ones and of nothing else (C-107, C-108), and a build knows its changes (C-075).
 */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { SKIPPED } from "../../../../../server/domain/builds";
import { newChange } from "../../../../../server/domain/changes";
import type { BuilderId, ChangeSourceId } from "../../../../../server/domain/ids";
import { fireDue, recordChanges, type TriggersContext } from "../../../../../server/engine";
import { completed } from "../../../../../server/protocols/null";
import { makeScheduler } from "../../../../../server/schedulers";
import { CALLER, createRig, isFinished, type Rig } from "../../../../support/engine-rig";

let rig: Rig;
let tests: BuilderId;
const polled: ChangeSourceId[] = [];
let triggers: TriggersContext;

beforeAll(async () => {
  rig = await createRig();
  const worker = await rig.addWorker("w1");
  tests = await rig.addBuilder("tests", [worker], []);
  await rig.addBuilder("docs", [worker], []);
  const socket = await rig.socket();
  await socket.connect("w1", { behaviour: () => completed(0) });
  triggers = {
    db: rig.db,
    makeScheduler,
    wake: () => {},
    announce: () => {},
    poll: (id) => polled.push(id),
    log: (message, fields) => {
      throw new Error(`${message}: ${JSON.stringify(fields)}`);
    },
  };
});
afterAll(() => rig.close());

beforeEach(async () => {
  rig.isDistributing = false;
  await rig.db.rows("update scheduler set removed_at = now(), name = name || id, fire_at = null");
  await rig.db.rows(
    "update build_request set state = 'cancelled', complete_at = now() where state = 'pending'",
  );
});

const scheduler = async (name: string, config: object = {}, kind = "SingleBranchScheduler") => {
  const [row] = await rig.db.rows<{ id: number }>(
    "insert into scheduler (org_id, name, kind, config) values (1, $1, $2, $3) returning id",
    [name, kind, JSON.stringify({ builderNames: ["tests"], ...config })],
  );
  return (row as { id: number }).id;
};

let revision = 0;
const change = (more: object = {}) => {
  revision += 1;
  return newChange({
    author: "ada",
    repository: "/srv/app.git",
    branch: "main",
    revision: `rev${revision}`,
    files: ["a.c"],
    comments: "better",
    when: 1_700_000_000_000,
    ...more,
  });
};

const record = (...changes: ReturnType<typeof newChange>[]) =>
  rig.db.transaction((tx) =>
    recordChanges(
      tx,
      { orgId: CALLER.orgId, projectId: null, changeSourceId: null, changes },
      makeScheduler,
    ),
  );

interface Set {
  id: number;
  reason: string;
  scheduler: string;
  changes: number[];
  revision: string | null;
  request: number;
  state: string;
  result: number | null;
}
const sets = (name: string) =>
  rig.db.rows<Set>(
    `select s.id, s.reason, s.scheduler, (select jsonb_agg(change_id order by change_id) from buildset_change where buildset_id = s.id) as changes,
       t.revision, r.id as request, r.state, r.result
     from buildset s join build_request r on r.buildset_id = s.id
     join buildset_source_stamp l on l.buildset_id = s.id join source_stamp t on t.id = l.source_stamp_id
     where s.scheduler = $1 order by s.id`,
    [name],
  );
const one = async (sql: string, ...values: unknown[]) =>
  (await rig.db.rows<Record<string, unknown>>(sql, values))[0];
/** As time passes. */
const pass = (id: number, seconds: number) =>
  rig.db.rows(
    `update scheduler set fire_at = fire_at - make_interval(secs => $2), cursor = jsonb_set(cursor, '{timers}',
       (select jsonb_object_agg(key, value::text::float8 - $2 * 1000) from jsonb_each(cursor->'timers'))) where id = $1`,
    [id, seconds],
  );

test("a change is stored with its stamp, told of, and built at once", async () => {
  await scheduler("now", { properties: { kind: "ci" } });
  const { changeIds, buildsetIds } = await record(
    change({ author: "Ada <a@x>", properties: { event: "push" }, files: ["a", "b\nc"] }),
  );
  expect(buildsetIds).toHaveLength(1);
  const stored = await one(
    `select c.*, s.revision as stamped, (select count(*) from outbox where topic = 'changes/' || c.id || '/new') as told
     from change c join source_stamp s on s.id = c.source_stamp_id where c.id = $1`,
    changeIds[0],
  );
  expect(stored).toMatchObject({
    author: "Ada <a@x>",
    files: ["a", "b\nc"],
    file_count: 2,
    told: 1,
    stamped: stored?.revision,
    when_at: new Date(1_700_000_000_000),
  });
  expect(await sets("now")).toMatchObject([{ changes: changeIds, state: "pending" }]);
  const { properties } = (await one(
    "select properties from buildset where id = $1",
    buildsetIds[0],
  )) as { properties: object };
  expect(properties).toEqual({ event: ["push", "Change"], kind: ["ci", "Scheduler"] });
});

test("what is decided and what is stored is one: neither stays without the other", async () => {
  await scheduler("atomic");
  const before = await one("select count(*) as n from change");
  await expect(
    rig.db.transaction(async (tx) => {
      await recordChanges(
        tx,
        { orgId: CALLER.orgId, projectId: null, changeSourceId: null, changes: [change()] },
        makeScheduler,
      );
      throw new Error("killed");
    }),
  ).rejects.toThrow("killed");
  expect(await one("select count(*) as n from change")).toEqual(before);
  expect(await sets("atomic")).toEqual([]);
});

test("a timer outlives whoever set it; many that wake it build once", async () => {
  const id = await scheduler("stable", { treeStableTimer: 60 });
  const first = await record(change());
  const second = await record(change(), change());
  expect(await sets("stable")).toEqual([]);
  expect(await one("select fire_at > now() as waits from scheduler where id = $1", id)).toEqual({
    waits: true,
  });
  expect(await fireDue(triggers, 3_600_000)).toBeGreaterThan(0);
  await pass(id, 61);
  await Promise.all(Array.from({ length: 8 }, () => fireDue(triggers, 0)));
  const [set, ...others] = await sets("stable");
  expect(others).toEqual([]);
  expect(set).toMatchObject({
    changes: [...first.changeIds, ...second.changeIds],
    revision: `rev${revision}`,
    reason: "stable: 3 changes on main",
  });
  expect(
    await one("select count(*) as n from scheduler_change where scheduler_id = $1", id),
  ).toEqual({ n: 0 });
  expect(
    await one("select fire_at, fired_at is not null as fired from scheduler where id = $1", id),
  ).toEqual({ fire_at: null, fired: true });
});

test("one that is disabled hears nothing and does not fire; enabled again, it goes on", async () => {
  const id = await scheduler("off", { treeStableTimer: 60 });
  const { changeIds } = await record(change());
  await pass(id, 61);
  await rig.db.rows("update scheduler set is_enabled = false where id = $1", [id]);
  await record(change());
  await fireDue(triggers, 0);
  expect(await sets("off")).toEqual([]);
  await rig.db.rows("update scheduler set is_enabled = true where id = $1", [id]);
  await fireDue(triggers, 0);
  expect(await sets("off")).toMatchObject([{ changes: changeIds }]);
});

test("one that cannot decide says so and holds up nobody", async () => {
  const broken = await scheduler("broken", { treeStableTimer: "soon" });
  const dangling = await scheduler("dangling", { builderNames: ["gone", "docs"] });
  await scheduler("healthy");
  await record(change());
  expect(await sets("healthy")).toHaveLength(1);
  expect(await sets("dangling")).toHaveLength(1);
  expect(await one("select last_error from scheduler where id = $1", broken)).toMatchObject({
    last_error: expect.stringContaining("treeStableTimer"),
  });
  expect(await one("select last_error from scheduler where id = $1", dangling)).toEqual({
    last_error: "there is no builder gone",
  });
  await rig.db.rows(`update scheduler set config = '{"builderNames": ["docs"]}' where id = $1`, [
    dangling,
  ]);
  await record(change());
  expect(await one("select last_error from scheduler where id = $1", dangling)).toEqual({
    last_error: null,
  });
});

test("changes of a project are its own; others hear nothing of them", async () => {
  const project = async (name: string) =>
    (await one("insert into project (org_id, name) values (1, $1) returning id", name))
      ?.id as never;
  const [own, other] = [await project("own"), await project("other")];
  const mine = await scheduler("mine");
  const theirs = await scheduler("theirs");
  await rig.db.rows("update scheduler set project_id = $2 where id = $1", [mine, own]);
  await rig.db.rows("update scheduler set project_id = $2 where id = $1", [theirs, other]);
  await rig.db.transaction((tx) =>
    recordChanges(
      tx,
      { orgId: CALLER.orgId, projectId: own, changeSourceId: null, changes: [change()] },
      makeScheduler,
    ),
  );
  expect([(await sets("mine")).length, (await sets("theirs")).length]).toEqual([1, 0]);
  await record(change());
  expect([(await sets("mine")).length, (await sets("theirs")).length]).toEqual([2, 1]);
});

test("a newer request takes the place of older ones of its branch, and builds for them", async () => {
  await scheduler("ci");
  const forced = await rig.force(tests);
  const first = await record(change());
  const elsewhere = await record(change({ branch: "dev" }));
  const second = await record(change({ author: "bob" }));
  const third = await record(change({ author: "ada" }));
  const states = (await sets("ci")).map(({ state, result }) => [state, result]);
  expect(states).toEqual([
    ["done", SKIPPED],
    ["pending", null],
    ["done", SKIPPED],
    ["pending", null],
  ]);
  expect(await rig.request(forced)).toMatchObject({ state: "pending" });
  const [oldest, , , newest] = await sets("ci");
  expect(
    await one(
      "select result, complete_at is not null as complete from buildset where id = $1",
      oldest?.id,
    ),
  ).toEqual({ result: 0, complete: true });

  rig.isDistributing = true;
  await rig.distribute();
  const build = await rig.build(newest?.request as never, isFinished);
  const covered = await rig.db.rows("select change_id from changes_of_request($1) order by 1", [
    newest?.request,
  ]);
  expect(covered.map((row) => (row as { change_id: number }).change_id)).toEqual([
    ...first.changeIds,
    ...second.changeIds,
    ...third.changeIds,
  ]);
  expect(await one("select request_id from requests_of_change($1)", first.changeIds[0])).toEqual({
    request_id: newest?.request,
  });
  expect(elsewhere.changeIds).toHaveLength(1);
  const { properties } = (await one("select properties from build where id = $1", build.id)) as {
    properties: Record<string, unknown>;
  };
  expect(properties).toMatchObject({
    revision: [`rev${revision}`, "Build"],
    owners: [["ada", "bob"], "Build"],
    scheduler: ["ci", "Scheduler"],
  });
});

test("nothing collapses where the builder says so, where properties differ, or what is being built", async () => {
  await scheduler("a", { properties: { flavour: "a" } });
  await record(change());
  await record(change());
  expect((await sets("a")).map(({ state }) => state)).toEqual(["done", "pending"]);
  await rig.db.rows(`update scheduler set config = config || '{"properties": {"flavour": "b"}}'
    where name = 'a' and removed_at is null`);
  await record(change());
  expect((await sets("a")).map(({ state }) => state)).toEqual(["done", "pending", "pending"]);

  await rig.db.rows(
    `update builder_config set config = config || '{"collapseRequests": false}' where builder_id = $1`,
    [tests],
  );
  await record(change());
  expect((await sets("a")).map(({ state }) => state)).toEqual([
    "done",
    "pending",
    "pending",
    "pending",
  ]);
  await rig.db.rows("update builder_config set config = config - 'collapseRequests'");
});

test("a rebuild is of the same changes", async () => {
  await scheduler("again");
  const { changeIds } = await record(change());
  rig.isDistributing = true;
  await rig.distribute();
  const [set] = await sets("again");
  const build = await rig.build(set?.request as never, isFinished);
  const { buildsetId } = await rig.commands.rebuild(CALLER, build.id);
  expect(
    await one("select change_id from buildset_change where buildset_id = $1", buildsetId),
  ).toEqual({
    change_id: changeIds[0],
  });
});

test("what a repository says is stored, whatever it is", async () => {
  await scheduler("odd");
  const { changeIds } = await record(
    change({ author: "a\0b\ud800", comments: "x".repeat(200_000), files: ["\ud800"] }),
  );
  expect(
    await one(
      "select author, files, length(comments) as length from change where id = $1",
      changeIds[0],
    ),
  ).toEqual({ author: "a\ufffdb\ufffd", files: ["\ufffd"], length: 65_536 });
});

test("sources that are due are polled", async () => {
  const due = await one(
    `insert into change_source (org_id, name, kind, config, fire_at)
     values (1, 's', 'GitPoller', '{}', now() - interval '1 s') returning id`,
  );
  await fireDue(triggers, 0);
  expect(polled).toEqual([due?.id]);
});
