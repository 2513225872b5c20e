/** Guarantee: strangers at the doors are told to those alone who may read of them in the database. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { orgDatabase } from "../../../../server/db/org-database";
import { type Database, only, openDatabase } from "../../../../server/db/pool";
import type { OrgId, UserId } from "../../../../server/domain/ids";
import { mayWatchDoors } from "../../../../server/processes/live-access";
import { createTestDatabase, type TestDatabase } from "../../../support/database";

let database: TestDatabase;
let owner: Database;
let web: Database;
const onError = () => {};

beforeAll(async () => {
  database = await createTestDatabase();
  const { url } = database;
  owner = openDatabase({ url, max: 2, name: "test", onError });
  web = openDatabase({ url, max: 2, name: "test-web", role: "slipway_web", onError });
  await owner.rows(
    "insert into door_event (peer, reason, detail) values ('10.0.0.9', 'left', 'not a byte came')",
  );
});
afterAll(async () => {
  await web?.end();
  await owner?.end();
  await database?.drop();
});

const addUser = async (email: string, isAdmin: boolean) =>
  only(
    await owner.rows<{ id: UserId }>(
      "insert into user_account (email, name, is_admin) values ($1, $1, $2) returning id",
      [email, isAdmin],
    ),
  ).id;

/** What the page would show. */
const reads = async (userId: UserId, orgId: OrgId) => {
  const rows = await orgDatabase(web).within({ userId, orgId }, (tx) =>
    tx.rows("select from door_event where org_id is null"),
  );
  return rows.length > 0;
};

test("members of the only organisation, then administrators alone", async () => {
  const db = orgDatabase(web);
  const eve = await addUser("eve@example.org", false);
  const ada = await addUser("ada@example.org", true);
  const gone = await addUser("gone@example.org", true);
  await owner.rows("update user_account set disabled_at = now() where id = $1", [gone]);
  const addOrganization = async (slug: string) =>
    only(
      await owner.rows<{ id: OrgId }>(
        "insert into organization (slug, name) values ($1, $1) returning id",
        [slug],
      ),
    ).id;
  const orgId = await addOrganization("one");
  for (const user of [eve, ada]) {
    expect([await mayWatchDoors(db, user), await reads(user, orgId)]).toEqual([true, true]);
  }
  await addOrganization("two");
  expect([await mayWatchDoors(db, ada), await reads(ada, orgId)]).toEqual([true, true]);
  for (const user of [eve, gone]) {
    expect([await mayWatchDoors(db, user), await reads(user, orgId)]).toEqual([false, false]);
  }
});
