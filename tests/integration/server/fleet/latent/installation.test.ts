// Guarantee: two installations with one secret key are two at every provider; one keeps its name for ever,
// and one that had machines before goes by the name that stands on them.
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase } from "../../../../../server/db/pool";
import { installationTag } from "../../../../../server/fleet";
import { createTestDatabase, type TestDatabase } from "../../../../support/database";

const KEY = "k".repeat(43);
const made: { test: TestDatabase; db: Database }[] = [];
beforeAll(async () => {
  for (let at = 0; at < 3; at += 1) {
    const test = await createTestDatabase();
    made.push({ test, db: openDatabase({ url: test.url, max: 4, name: "test", onError() {} }) });
  }
});
afterAll(async () => {
  for (const { db, test } of made) {
    await db.end();
    await test.drop();
  }
});
const db = (at: number) => (made[at] as { db: Database }).db;

test("one of its own, however many ask at once, whatever the key becomes", async () => {
  const tags = await Promise.all([1, 2, 3, 4].map(() => installationTag(db(0), KEY)));
  expect(new Set(tags).size).toBe(1);
  expect(tags[0]).toMatch(/^[0-9a-f]{8}$/);
  expect(await installationTag(db(0), "another key")).toBe(tags[0]);
  expect(await installationTag(db(1), KEY)).not.toBe(tags[0]);
});

test("the name that its machines have", async () => {
  await db(2).rows("insert into organization (slug, name) values ('main', 'Main')");
  await db(2).rows(
    `insert into instance (org_id, worker_id, driver, key, state, reason) values (1, 1, 'K', 'bb-x-1', 'running', 'it runs')`,
  );
  const old = createHash("sha256").update(`slipway installation ${KEY}`).digest("hex").slice(0, 8);
  expect(await installationTag(db(2), KEY)).toBe(old);
});
