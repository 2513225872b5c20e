/**
 * A batch is one statement: everything it says happens, with its history and events, or nothing at
 * all, whoever else writes at the same time (HOUSE, Ownership 1 and 3).
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, only, openDatabase } from "../../../../server/db/pool";
import { Batch, Expression, type FinalLog, StaleState } from "../../../../server/db/transition";
import type { BuildId, LogId, OrgId, ProcessId } from "../../../../server/domain/ids";
import { type BuildRow, createBuildRow } from "../../../support/build-rows";
import { createTestDatabase, type TestDatabase } from "../../../support/database";
import { until } from "../../../support/engine-rig";

const ORG = 1 as OrgId;
const WHY = { reason: "because", actor: "ada" };

let testDatabase: TestDatabase;
let db: Database;
let number = 0;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  db = openDatabase({ url: testDatabase.url, max: 8, name: "test", onError: () => {} });
  await db.rows("insert into organization (id, slug, name) values (1, 'main', 'Main')");
});
afterAll(async () => {
  await db.end();
  await testDatabase.drop();
});

const row = () => {
  number += 1;
  return createBuildRow(db, number, ORG);
};
const fenceOf = ({ buildId, ownerId, ownerEpoch }: BuildRow) => ({ buildId, ownerId, ownerEpoch });

const finishing = (build: BuildRow) =>
  new Batch(ORG)
    .fenced(fenceOf(build))
    .move("build", "build", build.buildId, {
      ...WHY,
      from: "running",
      to: "finished",
      set: { result: 0, complete_at: new Expression("now()") },
      event: "builds/{id}/finished",
      body: { number: "number" },
    })
    .move("step", "step", build.stepId, { ...WHY, from: "running", to: "finished" });

async function everything(build: BuildRow) {
  return {
    build: only(await db.rows("select state, result from build where id = $1", [build.buildId])),
    step: only(await db.rows("select state from step where id = $1", [build.stepId])),
    history: await db.rows(
      "select kind, from_state, to_state, reason, actor from transition where subject_id = any($1) and kind in ('build', 'step') order by kind",
      [[build.buildId, build.stepId]],
    ),
    events: await db.rows("select body from outbox where topic = $1", [
      `builds/${build.buildId}/finished`,
    ]),
  };
}

const UNTOUCHED = {
  build: { state: "running", result: null },
  step: { state: "running" },
  history: [],
  events: [],
};

test("rows, history and events are written by one statement", async () => {
  const build = await row();
  const before = db.counters.roundTrips;
  await finishing(build).commit(db);
  expect(db.counters.roundTrips - before).toBe(1);
  const seen = await everything(build);
  expect(seen.build).toEqual({ state: "finished", result: 0 });
  expect(seen.events).toMatchObject([{ body: { id: build.buildId, number: expect.any(Number) } }]);
  expect(seen.history).toEqual(
    expect.arrayContaining([
      {
        kind: "build",
        from_state: "running",
        to_state: "finished",
        reason: "because",
        actor: "ada",
      },
      {
        kind: "step",
        from_state: "running",
        to_state: "finished",
        reason: "because",
        actor: "ada",
      },
    ]),
  );
});

test("one row in another state, and nothing at all is changed", async () => {
  const build = await row();
  const batch = finishing(build).move("log", "log", 999_999, {
    ...WHY,
    from: "open",
    to: "finished",
  });
  await expect(batch.commit(db)).rejects.toBeInstanceOf(StaleState);
  expect(await everything(build)).toMatchObject(UNTOUCHED);
});

test.each([
  ["another owner", { ownerId: 8 as ProcessId }],
  ["another epoch", { ownerEpoch: 2 }],
])("%s writes nothing, with or without a move of the build", async (_what, other) => {
  const build = await row();
  await expect(finishing({ ...build, ...other }).commit(db)).rejects.toBeInstanceOf(StaleState);
  const withoutMove = new Batch(ORG)
    .fenced({ ...fenceOf(build), ...other })
    .move("step", "step", build.stepId, { ...WHY, from: "running", to: "finished" });
  await expect(withoutMove.commit(db)).rejects.toBeInstanceOf(StaleState);
  expect(await everything(build)).toMatchObject(UNTOUCHED);
});

test.each(["with", "without"])(
  "a take-over that is being committed keeps the former owner out, %s a move of the build",
  async (how) => {
    const build = await row();
    const stepOnly = () =>
      new Batch(ORG)
        .fenced(fenceOf(build))
        .move("step", "step", build.stepId, { ...WHY, from: "running", to: "finished" });
    let writing: Promise<unknown> = Promise.resolve();
    await db.transaction(async (tx) => {
      await tx.rows("update build set owner_epoch = owner_epoch + 1 where id = $1", [
        build.buildId,
      ]);
      const batch = how === "with" ? finishing(build) : stepOnly();
      writing = batch.commit(db).then(
        () => "written",
        (error: unknown) => error,
      );
      // It waits for the row that the take-over holds.
      await someoneWaits();
    });
    expect(await writing).toBeInstanceOf(StaleState);
    expect(await everything(build)).toMatchObject(UNTOUCHED);
  },
);

/** Asked outside the transaction: inside it one always sees the same activity. */
const someoneWaits = () =>
  until(async () => {
    const waiting = await db.rows(
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    return waiting.length > 0;
  });

test("a unique index that says who was quicker is a stale state, any other a fault", async () => {
  const build = await row();
  const { worker_id: workerId } = only(
    await db.rows<{ worker_id: number }>("select worker_id from build where id = $1", [
      build.buildId,
    ]),
  );
  const again = (columns: object) =>
    new Batch(ORG).create(
      "build",
      "build",
      "preparing",
      {
        builder_id: 1,
        number: 100_000 + number,
        build_request_id: 1,
        worker_id: 77,
        worker_slot: 77,
        builder_config_id: 1,
        owner_id: 7,
        state_string: "",
        ...columns,
      },
      WHY,
    );
  await expect(again({ worker_id: workerId }).commit(db)).rejects.toBeInstanceOf(StaleState);
  const sameNumber = again({ number }).commit(db);
  await expect(sameNumber).rejects.not.toBeInstanceOf(StaleState);
  await expect(sameNumber).rejects.toThrow(/build_builder_id_number_key/);
});

function finalLog(build: BuildRow, logId: LogId): FinalLog {
  return {
    identity: {
      logId,
      buildId: build.buildId,
      stepId: build.stepId,
      name: "stdio",
      slug: "stdio",
      type: "s",
      logCreatedAt: new Date("2026-11-21T10:00:00.123Z"),
    },
    counts: { lineCount: 5, byteCount: 50, cutLines: 0, cutAtLine: null },
  };
}

test.each([true, false])("a log is closed whether or not its row is there: %s", async (isThere) => {
  const build = await row();
  const logId = (1000 + number) as LogId;
  if (isThere) {
    await db.rows(
      `insert into log (id, org_id, build_id, step_id, name, slug, type, state, line_count)
       values ($1, 1, $2, $3, 'stdio', 'stdio', 's', 'open', 3)`,
      [logId, build.buildId, build.stepId],
    );
  }
  const close = () =>
    new Batch(ORG).fenced(fenceOf(build)).closeLog("log", finalLog(build, logId), WHY).commit(db);
  await close();
  expect(
    await db.rows("select state, line_count, byte_count from log where id = $1", [logId]),
  ).toEqual([{ state: "finished", line_count: 5, byte_count: 50 }]);
  expect(
    await db.rows("select body->>'lines' as lines from outbox where topic = $1", [
      `logs/${logId}/finished`,
    ]),
  ).toEqual([{ lines: "5" }]);
  await expect(close()).rejects.toBeInstanceOf(StaleState);
});

test("a change that the machine does not know is refused before it is sent", async () => {
  const batch = new Batch(ORG);
  expect(() =>
    batch.move("build", "build", 1 as BuildId, { ...WHY, from: "finished", to: "running" }),
  ).toThrow("cannot go from finished to running");
});

test("more texts than names: the statements still work", async () => {
  for (let n = 0; n < 600; n += 1) {
    await new Batch(ORG).with(`n${n}`, "select 1 as id", 1).commit(db);
  }
  const prepared = await db.rows<{ count: number }>("select count(*) from pg_prepared_statements");
  expect(prepared[0]?.count).toBeLessThanOrEqual(500);
  const build = await row();
  await finishing(build).commit(db);
  expect((await everything(build)).build).toEqual({ state: "finished", result: 0 });
});
