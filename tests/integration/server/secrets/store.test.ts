// Guarantees: what the store holds is sealed and belongs to one organisation; setting, removing and
// reading leave an audit entry without the value; a value is enrolled for redaction before it is
// given out, and prints as •••.
import { inspect } from "node:util";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { orgDatabase } from "../../../../server/db/org-database";
import { type Database, openDatabase } from "../../../../server/db/pool";
import type { OrgId } from "../../../../server/domain/ids";
import { isSecretName } from "../../../../server/domain/secrets";
import { databaseSecrets } from "../../../../server/secrets/database";
import { secretName, secretValue, secretWarning } from "../../../../server/secrets/schema";
import { sealingKey, unseal } from "../../../../server/secrets/seal";
import {
  knownSecrets,
  listSecrets,
  removeSecret,
  setSecret,
  setSecrets,
} from "../../../../server/secrets/store";
import { createTestDatabase, type TestDatabase } from "../../../support/database";

const KEY = sealingKey("an installation's key for tests");
const VALUE = "s3cret valüe";
let scratch: TestDatabase;
let db: Database;
let web: Database;
let mine: OrgId;
let foreign: OrgId;

beforeAll(async () => {
  scratch = await createTestDatabase();
  const options = { url: scratch.url, max: 2, onError: () => {} };
  db = openDatabase({ ...options, name: "test" });
  web = openDatabase({ ...options, name: "test-web", role: "slipway_web" });
  const rows = await db.rows<{ id: OrgId }>(
    "insert into organization (slug, name) values ('a', 'a'), ('b', 'b') returning id",
  );
  [mine, foreign] = rows.map(({ id }) => id) as [OrgId, OrgId];
});
beforeEach(() => db.rows("delete from audit_entry"));
afterAll(async () => {
  await Promise.all([db.end(), web.end()]);
  await scratch.drop();
});

const set = (orgId: OrgId, name: string, value: string, key = KEY) =>
  orgDatabase(web).within({ orgId }, (tx) =>
    setSecret(tx, key, { orgId, actor: "ada@example.org" }, { name, value }),
  );
const audit = () =>
  db.rows("select org_id, actor, action, subject, detail from audit_entry order by id");

it("sets many at once, each with its outcome and its audit entry", async () => {
  const setMany = (...secrets: [string, string][]) =>
    orgDatabase(web).within({ orgId: mine }, (tx) =>
      setSecrets(
        tx,
        KEY,
        { orgId: mine, actor: "ada" },
        secrets.map(([name, value]) => ({ name, value })),
      ),
    );
  expect(await setMany()).toEqual(new Map());
  await setMany(["many/same", "1"], ["many/changed", "1"]);
  await db.rows("delete from audit_entry");
  const outcomes = await setMany(
    ["many/same", "1"],
    ["many/changed", "2"],
    ["many/new", "first"],
    ["many/new", "last"],
  );
  expect(Object.fromEntries(outcomes)).toEqual({
    "many/same": "same",
    "many/changed": "changed",
    "many/new": "added",
  });
  expect(await audit()).toMatchObject([
    { org_id: mine, actor: "ada", action: "secret.set", subject: "secret many/changed" },
    { subject: "secret many/new", detail: { outcome: "added" } },
  ]);
  const stored = await db.rows<{ name: string; sealed: Buffer }>(
    "select name, sealed from secret where org_id = $1 and name like 'many/%' order by name",
    [mine],
  );
  expect(stored.map(({ name, sealed }) => [name, unseal(KEY, sealed)])).toEqual([
    ["many/changed", "2"],
    ["many/new", "last"],
    ["many/same", "1"],
  ]);
  for (const { name } of stored) {
    await orgDatabase(web).within({ orgId: mine }, (tx) =>
      removeSecret(tx, { orgId: mine, actor: "ada" }, name),
    );
  }
});

it("keeps a value sealed, and says who set it and when", async () => {
  expect(await set(mine, "deploy/key", VALUE)).toBe("added");
  expect(await set(mine, "deploy/key", VALUE)).toBe("same");
  expect(await set(mine, "deploy/key", `${VALUE}!`)).toBe("changed");
  expect(await set(foreign, "deploy/key", "another")).toBe("added");
  const listed = await listSecrets(db, mine);
  expect(listed).toEqual([
    { name: "deploy/key", updatedAt: expect.any(Date), updatedBy: "ada@example.org" },
  ]);
  const entry = { org_id: mine, actor: "ada@example.org", action: "secret.set" };
  expect(await audit()).toMatchObject([
    { ...entry, subject: "secret deploy/key", detail: { outcome: "added" } },
    { ...entry, detail: { outcome: "changed" } },
    { ...entry, org_id: foreign },
  ]);
  const stored = await db.rows<{ sealed: Buffer }>("select sealed from secret");
  expect(stored.every(({ sealed }) => !sealed.includes("s3cret"))).toBe(true);
  expect(JSON.stringify(await audit())).not.toContain("s3cret");
  expect(await knownSecrets(db, mine, ["deploy/key", "other"])).toEqual(new Set(["deploy/key"]));
});

it("gives a build the values it asks for, hidden, in one entry", async () => {
  await set(mine, "one", "first value");
  await set(mine, "two", "second value");
  await set(foreign, "three", "not yours");
  await db.rows("delete from audit_entry");
  const hidden: unknown[] = [];
  const found = await databaseSecrets(db, KEY).read({
    orgId: mine,
    names: ["two", "one", "three"],
    reader: "build 17",
    enrol: (value) => hidden.push(value),
  });
  expect([...found].map(([name, secret]) => [name, secret.reveal()]).sort()).toEqual([
    ["one", "first value"],
    ["two", "second value"],
  ]);
  expect(hidden).toHaveLength(2);
  const secret = found.get("one");
  expect([`${secret}`, JSON.stringify({ secret }), inspect({ secret })]).toEqual([
    "•••",
    '{"secret":"•••"}',
    "{ secret: ••• }",
  ]);
  expect(await audit()).toEqual([
    {
      org_id: mine,
      actor: "build 17",
      action: "secret.read",
      subject: "secrets",
      detail: { names: ["one", "two"] },
    },
  ]);
});

it("names the secret that was sealed under another key, until it is set again", async () => {
  await set(mine, "old", VALUE, sealingKey("a key that was lost since"));
  const request = { orgId: mine, names: ["old"], reader: "build 1", enrol: () => {} };
  await expect(databaseSecrets(db, KEY).read(request)).rejects.toMatchObject({
    code: "secret.unreadable",
    details: { name: "old" },
  });
  expect(await set(mine, "old", VALUE)).toBe("changed");
  expect((await databaseSecrets(db, KEY).read(request)).get("old")?.reveal()).toBe(VALUE);
});

it("removes its own and nobody else's", async () => {
  await set(foreign, "theirs", VALUE);
  const remove = (orgId: OrgId) => removeSecret(db, { orgId, actor: "ada" }, "theirs");
  expect([await remove(mine), await remove(foreign), await remove(foreign)]).toEqual([
    false,
    true,
    false,
  ]);
  expect((await audit()).map((entry) => (entry as { action: string }).action)).toEqual([
    "secret.set",
    "secret.remove",
  ]);
});

it("takes names and values within bounds", () => {
  const good = ["a", "project/x/git|auth.key-1_A", "x".repeat(200)];
  const bad = ["", "a b", "ä", "x".repeat(201), "a\n", "a)s", "../x", "."];
  expect(good.filter((name) => !secretName.safeParse(name).success)).toEqual([]);
  expect(bad.filter((name) => secretName.safeParse(name).success)).toEqual([]);
  expect(good.every(isSecretName)).toBe(true);
  const takes = (value: string) => secretValue.safeParse(value).success;
  expect(["x", "ü".repeat(32_768), "a\nb\n"].map(takes)).toEqual([true, true, true]);
  expect(["", "ü".repeat(32_769), "a\0b", "\ud800"].map(takes)).toEqual([
    false,
    false,
    false,
    false,
  ]);
  expect([secretWarning("12345\n"), secretWarning("123456")]).toEqual([expect.any(String), null]);
});
