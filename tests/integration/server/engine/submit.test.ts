/**
 * A buildset enters whole or not at all, once per idempotency key, and people's commands reach what
 * they mean, in their own organisation only (C-062, C-071, C-110, C-112).
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { CANCELLED, FAILURE, SUCCESS } from "../../../../server/domain/builds";
import { AppError, type ErrorCode } from "../../../../server/domain/errors";
import type { BuilderId, BuildId, BuildRequestId } from "../../../../server/domain/ids";
import { submitBuildset } from "../../../../server/engine/submit";
import { completed } from "../../../../server/protocols/null";
import { CALLER, createRig, isFinished, type Rig } from "../../../support/engine-rig";

const STEP = { type: "ShellCommand", name: "run", command: ["run"] };

let rig: Rig;
let good: BuilderId;
let bad: BuilderId;
beforeAll(async () => {
  rig = await createRig();
  const worker = await rig.addWorker("w1");
  good = await rig.addBuilder("good", [worker], [STEP]);
  bad = await rig.addBuilder("bad", [worker], [STEP]);
  const socket = await rig.socket();
  await socket.connect("w1", {
    behaviour: ({ builder }) => completed(builder === "bad" ? 1 : 0),
  });
});
afterAll(() => rig.close());

const order = (builderIds: readonly BuilderId[], more: object = {}) => ({
  orgId: CALLER.orgId,
  builderIds,
  reason: "push",
  owner: "ada",
  scheduler: "all",
  properties: { answer: [42, "test"] as const },
  sourceStamps: ["", "lib"].map((codebase) => ({
    codebase,
    repository: "r",
    branch: "main",
    revision: "abc",
    project: "p",
  })),
  priority: 3,
  rebuiltBuildId: null,
  idempotencyKey: null,
  actor: "test",
  ...more,
});

const counts = async () =>
  (
    await rig.db.rows<{ sets: number; requests: number; stamps: number }>(
      `select (select count(*) from buildset) as sets, (select count(*) from build_request) as requests,
         (select count(*) from source_stamp) as stamps`,
    )
  )[0];

const codeOf = (error: unknown): ErrorCode | unknown =>
  error instanceof AppError ? error.code : error;

test("several builders: one request each; the buildset is the worst of them, told once", async () => {
  const { buildsetId, requestIds } = await submitBuildset(rig.db, order([good, bad]));
  await rig.distribute();
  const ids = [good, bad].map((builder) => requestIds[builder] as BuildRequestId);
  expect((await rig.build(ids[0] as BuildRequestId, isFinished)).result).toBe(SUCCESS);
  expect((await rig.build(ids[1] as BuildRequestId, isFinished)).result).toBe(FAILURE);
  expect(
    await rig.db.rows("select result, open_requests from buildset where id = $1", [buildsetId]),
  ).toEqual([{ result: FAILURE, open_requests: 0 }]);
  const told = await rig.db.rows("select from outbox where topic = $1", [
    `buildsets/${buildsetId}/complete`,
  ]);
  expect(told).toHaveLength(1);
  const [build] = await rig.builds(ids[0] as BuildRequestId);
  const [{ properties }] = (await rig.db.rows<{ properties: Record<string, unknown> }>(
    "select properties from build where id = $1",
    [build?.id],
  )) as [{ properties: Record<string, unknown> }];
  expect(properties).toMatchObject({
    answer: [42, "test"],
    buildername: ["good", "Builder"],
    workername: ["w1", "Worker"],
    owner: ["ada", "Build"],
  });
});

test("equal source stamps are stored once", async () => {
  const before = await counts();
  await submitBuildset(rig.db, order([good]));
  expect((await counts())?.stamps).toBe(before?.stamps);
});

test("one builder that is not there any more, and nothing is submitted", async () => {
  const before = await counts();
  const gone = await rig.addBuilder("gone", [], [STEP]);
  await rig.db.rows("update builder set removed_at = now() where id = $1", [gone]);
  const error = await submitBuildset(rig.db, order([good, gone])).catch(codeOf);
  expect(error).toBe("builder.removed");
  expect(await counts()).toEqual(before);
});

test("the same idempotency key again, and at the same time, is one buildset", async () => {
  const force = () =>
    rig.commands.force(CALLER, {
      builderId: good,
      reason: "retry of a client",
      owner: null,
      properties: {},
      branch: null,
      revision: null,
      repository: null,
      project: null,
      codebase: null,
      priority: 0,
      idempotencyKey: "key-1",
    });
  const all = await Promise.all(Array.from({ length: 8 }, force));
  all.push(await force());
  expect(new Set(all.map(({ buildsetId }) => buildsetId)).size).toBe(1);
  expect(new Set(all.map(({ requestIds }) => requestIds[good])).size).toBe(1);
});

test("a form starts all its builders with its stamps and patch; a rebuild has them again", async () => {
  const other = await rig.addBuilder("other", [], [STEP]);
  const patch = { level: 1, body: "--- a\n", author: "Ada", comment: "", subdir: "." };
  const made = await rig.commands.forceForm(CALLER, {
    scheduler: "deploy",
    builderIds: [good, other],
    owner: "ada@example.org",
    reason: "by hand",
    properties: { owner: "ada@example.org", target: { host: "a" } },
    sourceStamps: ["", "lib"].map((codebase) => ({
      ...{ codebase, repository: "", branch: "main", revision: null, project: "" },
      patch: codebase === "lib" ? patch : null,
    })),
    priority: 3,
    idempotencyKey: null,
  });
  expect(Object.keys(made.requestIds)).toEqual([String(good), String(other)]);
  const build = await rig.build(made.requestIds[good] as BuildRequestId, isFinished);
  const [{ properties } = { properties: null }] = await rig.db.rows<{ properties: unknown }>(
    "select properties from build where id = $1",
    [build.id],
  );
  expect(properties).toMatchObject({
    scheduler: ["deploy", "Scheduler"],
    owner: ["ada@example.org", "Force Build Form"],
    owners: [["ada@example.org"], "Build"],
    target: [{ host: "a" }, "Force Build Form"],
  });
  const again = await rig.commands.rebuild(CALLER, build.id);
  const stamps = await rig.db.rows<{ codebase: string; patch: unknown }>(
    `select s.codebase, s.patch from buildset_source_stamp l join source_stamp s on s.id = l.source_stamp_id
     where l.buildset_id = $1 order by s.codebase`,
    [again.buildsetId],
  );
  expect(stamps).toEqual([
    { codebase: "", patch: null },
    { codebase: "lib", patch },
  ]);
});

test("a null character is refused and submits nothing", async () => {
  const before = await counts();
  for (const more of [{ reason: "a\0b" }, { properties: { a: "\0" } }, { branch: "\0" }]) {
    const error = await rig.commands
      .force(CALLER, {
        builderId: good,
        reason: "",
        owner: null,
        properties: {},
        branch: null,
        revision: null,
        repository: null,
        project: null,
        codebase: null,
        priority: 0,
        idempotencyKey: null,
        ...more,
      })
      .catch(codeOf);
    expect(error).toBe("request.malformed");
  }
  expect(await counts()).toEqual(before);
});

test("a rebuild asks for the same once more, and remembers the first of the line", async () => {
  const first = await rig.build(await rig.force(good), isFinished);
  const again = await rig.commands.rebuild(CALLER, first.id);
  const second = await rig.build(again.requestIds[good] as BuildRequestId, isFinished);
  const third = await rig.commands.rebuild(CALLER, second.id);
  const sets = await rig.db.rows(
    "select reason, scheduler, rebuilt_build_id from buildset where id = any($1) order by id",
    [[again.buildsetId, third.buildsetId]],
  );
  expect(sets).toEqual([
    { reason: "rebuild", scheduler: "rebuild", rebuilt_build_id: first.id },
    { reason: "rebuild", scheduler: "rebuild", rebuilt_build_id: first.id },
  ]);
});

test("a waiting request is cancelled once; what is over cannot be", async () => {
  const nobody = await rig.addBuilder("nobody", [], [STEP]);
  const request = await rig.force(nobody);
  await rig.commands.cancelRequest(CALLER, request, "not needed");
  expect(await rig.request(request)).toEqual({ state: "cancelled", result: CANCELLED });
  const again = rig.commands.cancelRequest(CALLER, request, "again");
  expect(await again.catch(codeOf)).toBe("request.conflict");
  const build = await rig.build(await rig.force(good), isFinished);
  const stop = rig.commands.stopBuild(CALLER, build.id, { reason: "" });
  expect(await stop.catch(codeOf)).toBe("request.conflict");
});

test("another organisation's ids are unknown", async () => {
  await rig.db.rows("insert into organization (id, slug, name) values (2, 'other', 'Other')");
  const stranger = { orgId: 2 as never, actor: "eve" };
  const nobody = await rig.addBuilder("nobody-2", [], [STEP]);
  const request = await rig.force(nobody);
  const build = await rig.build(await rig.force(good), isFinished);
  const tries = [
    () => rig.commands.cancelRequest(stranger, request, ""),
    () => rig.commands.setPriority(stranger, request, 1),
    () => rig.commands.stopBuild(stranger, build.id, { reason: "" }),
    () => rig.commands.stopBuild(stranger, 999_999 as BuildId, { reason: "" }),
    () => rig.commands.rebuild(stranger, build.id),
  ];
  for (const attempt of tries)
    expect(await attempt().then(() => "done", codeOf)).toBe("request.not-found");
  expect(await rig.request(request)).toEqual({ state: "pending", result: null });
});
