// Guards: announcements of one breath, and those that may wait, share one statement; all arrive.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase } from "../../../../server/db/pool";
import { createAnnouncer, openBus } from "../../../../server/events/bus";
import { createTestDatabase, type TestDatabase } from "../../../support/database";

let testDatabase: TestDatabase;
let db: Database;
const onError = (error: unknown) => console.error(error);

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  db = openDatabase({ url: testDatabase.url, max: 2, name: "test", onError });
});

afterAll(async () => {
  await db.end();
  await testDatabase.drop();
});

test("what is announced soon, and all of one breath, goes out with one statement", async () => {
  const heard: string[] = [];
  const bus = openBus(testDatabase.url, onError);
  for (const channel of ["slow", "fast", "other"]) {
    await bus.listen(channel, (payload) => {
      if (payload !== null) heard.push(channel);
    });
  }
  const announcer = createAnnouncer(db, onError);
  const before = db.counters.roundTrips;
  announcer.announceSoon("slow");
  announcer.announce("fast");
  announcer.announce("other");
  announcer.announce("fast");
  await announcer.flush();
  expect(db.counters.roundTrips - before).toBe(1);
  await expect.poll(() => [...heard].sort()).toEqual(["fast", "other", "slow"]);
  await bus.close();
});

test("what may wait goes by itself when nothing else comes", async () => {
  const heard: string[] = [];
  const bus = openBus(testDatabase.url, onError);
  await bus.listen("slow", (payload) => {
    if (payload !== null) heard.push(payload);
  });
  const announcer = createAnnouncer(db, onError);
  announcer.announceSoon("slow");
  await expect.poll(() => heard).toEqual([""]);
  await bus.close();
});
