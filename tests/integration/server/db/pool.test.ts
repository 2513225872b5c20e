/**
 * A database that goes away is an error for whoever asks, and nothing else: the process lives, and
 * the next question is answered when the database is back (insist).
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createInsist, Fenced, isOutage } from "../../../../server/db/insist";
import { orgDatabase } from "../../../../server/db/org-database";
import { type Database, openDatabase, type Queryable } from "../../../../server/db/pool";
import { AppError } from "../../../../server/domain/errors";
import type { OrgId } from "../../../../server/domain/ids";
import { createTestDatabase, type TestDatabase } from "../../../support/database";

let testDatabase: TestDatabase;
let db: Database;
let admin: Database;
const errors: Error[] = [];
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const open = (name: string) =>
    openDatabase({ url: testDatabase.url, max: 2, name, onError: (error) => errors.push(error) });
  db = open("victim");
  admin = open("admin");
});
afterAll(async () => {
  await db.end();
  await admin.end();
  await testDatabase.drop();
});

const killOthers = () =>
  admin.rows(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'slipway-victim'",
  );

const never = new AbortController().signal;

test("a connection lost inside a transaction, between two statements", async () => {
  const failing = db.transaction(async (tx) => {
    await tx.rows("select 1");
    await killOthers();
    await expect.poll(() => errors.length).toBeGreaterThan(0);
    await tx.rows("select 2");
  });
  await expect(failing).rejects.toSatisfy(isOutage);
  expect(await db.rows("select 3 as three")).toEqual([{ three: 3 }]);
});

test("work that is insisted on is done once the database is back", async () => {
  const retries: string[] = [];
  const insist = createInsist({ fenced: never, onRetry: (what) => retries.push(what) });
  let tries = 0;
  const answer = await insist("question", () =>
    db.transaction(async (tx) => {
      tries += 1;
      if (tries === 1) await killOthers();
      return tx.rows("select 42 as answer");
    }),
  );
  expect(answer).toEqual([{ answer: 42 }]);
  expect(retries).toEqual(["question"]);
});

test("a real no is not asked again, and a fenced process asks nothing more", async () => {
  const insist = createInsist({ fenced: never, onRetry: () => {} });
  let tries = 0;
  const wrong = insist("wrong", () => {
    tries += 1;
    return db.rows("select from nowhere");
  });
  await expect(wrong).rejects.toThrow(/nowhere/);
  expect(tries).toBe(1);

  const fence = new AbortController();
  const fenced = createInsist({ fenced: fence.signal, onRetry: () => fence.abort() });
  const away: Queryable["rows"] = () =>
    Promise.reject(Object.assign(new Error("refused"), { code: "ECONNREFUSED" }));
  await expect(fenced("never", () => away("select 1"))).rejects.toBeInstanceOf(Fenced);
});

test.each(["a\0b", '{"a":"\\u0000"}', '{"a":"\\ud800"}'])(
  "a character that cannot be stored is the caller's fault: %j",
  async (value) => {
    const people = orgDatabase(admin);
    const asking = people.within({ orgId: 1 as OrgId }, (tx) =>
      value.startsWith("{")
        ? tx.rows("select ($1::jsonb)->>'a' as a", [value])
        : tx.rows("select $1::text", [value]),
    );
    const error = await asking.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: "request.malformed" });
  },
);

test("an organisation that is set does not outlive its transaction", async () => {
  const people = orgDatabase(admin);
  const inside = await people.within({ orgId: 5 as OrgId }, (tx) =>
    tx.rows("select current_setting('slipway.org_id', true) as org"),
  );
  expect(inside).toEqual([{ org: "5" }]);
  const outside = await admin.rows(
    "select nullif(current_setting('slipway.org_id', true), '') as org",
  );
  expect(outside).toEqual([{ org: null }]);
});
