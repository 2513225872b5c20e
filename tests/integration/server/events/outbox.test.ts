/**
 * Nothing that happened is skipped, in whatever order transactions end, and whoever listens is told,
 * also after the connection was lost (HOUSE, Ownership 2).
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase, type Queryable } from "../../../../server/db/pool";
import { createAnnouncer, openBus } from "../../../../server/events/bus";
import { currentPosition, isNewsHidden, readOutbox } from "../../../../server/events/outbox";
import { createTestDatabase, type TestDatabase } from "../../../support/database";
import { until } from "../../../support/engine-rig";

let testDatabase: TestDatabase;
let db: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  db = openDatabase({ url: testDatabase.url, max: 6, name: "test", onError: () => {} });
});
afterAll(async () => {
  await db.end();
  await testDatabase.drop();
});

const put = (q: Queryable, topic: string) =>
  q.rows("insert into outbox (org_id, topic, body) values (1, $1, '{}')", [topic]);
const topics = (events: readonly { topic: string }[]) => events.map(({ topic }) => topic);

test("a transaction that commits late is not skipped, and nothing is read twice", async () => {
  const start = await currentPosition(db);
  let position = start;
  const seen: string[] = [];
  const read = async (limit = 100) => {
    const page = await readOutbox(db, position, limit);
    position = page.position;
    seen.push(...topics(page.events));
  };
  await db.transaction(async (tx) => {
    await put(tx, "early/1/begun");
    await put(db, "late/2/begun-and-committed");
    await read();
    expect(seen).toEqual([]);
    expect(await isNewsHidden(db, position)).toBe(true);
  });
  // A transaction in any database of the server holds it back.
  await until(async () => {
    await read(1);
    return seen.length === 2;
  });
  await read();
  expect(seen).toEqual(["early/1/begun", "late/2/begun-and-committed"]);
  expect(await isNewsHidden(db, position)).toBe(false);
});

test("announcements made at once are sent as one, each channel and payload once", async () => {
  const sent: unknown[][] = [];
  const announcer = createAnnouncer(
    {
      async rows(_statement, values = []) {
        sent.push(values as unknown[]);
        return [];
      },
    },
    () => {},
  );
  for (let n = 0; n < 50; n += 1) {
    announcer.announce("a");
    announcer.announce("b", "x");
    announcer.announce("b", "y");
  }
  await announcer.flush();
  const pairs = sent.flatMap(([channels, payloads]) =>
    (channels as string[]).map((channel, index) => `${channel}:${(payloads as string[])[index]}`),
  );
  expect(sent.length).toBeLessThanOrEqual(2);
  expect(new Set(pairs)).toEqual(new Set(["a:", "b:x", "b:y"]));
});

test("what could not be announced is announced later; a last word that cannot be sent is given up", async () => {
  let isAway = true;
  const sent: string[] = [];
  const errors: unknown[] = [];
  const announcer = createAnnouncer(
    {
      async rows(_statement, values = []) {
        if (isAway) throw new Error("away");
        sent.push(...(values[0] as string[]));
        return [];
      },
    },
    (error) => errors.push(error),
  );
  announcer.announce("a");
  await announcer.flush();
  expect(errors).toHaveLength(1);
  isAway = false;
  await until(() => sent.length > 0);
  expect(sent).toEqual(["a"]);
  announcer.close();
});

test("a listener whose connection is ended is told that it may have missed something", async () => {
  const heard: (string | null)[] = [];
  const errors: unknown[] = [];
  const bus = openBus(testDatabase.url, (error) => errors.push(error));
  await bus.listen("one", (payload) => heard.push(payload));
  expect(heard).toEqual([null]);
  const announcer = createAnnouncer(db, () => {});
  announcer.announce("one", "first");
  await until(() => heard.includes("first"));
  await db.rows(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'slipway-bus' and datname = current_database()",
  );
  await until(() => heard.length === 3);
  announcer.announce("one", "second");
  await until(() => heard.includes("second"));
  expect(heard).toEqual([null, "first", null, "second"]);
  expect(errors.length).toBeGreaterThan(0);
  await bus.close();
});
