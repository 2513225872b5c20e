// Guarantees that any number of processes may start at once on any database that an earlier version
// left, and that one which does not fit this checkout is refused in words before it is touched.
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { migrate } from "../../../../server/db/migrate";
import {
  createEmptyDatabase,
  createTestDatabase,
  type TestDatabase,
} from "../../../support/database";

const SHIPPED = join(import.meta.dirname, "../../../../prisma/migrations");

let database: TestDatabase;
let directory: string;
let client: pg.Client;

beforeEach(async () => {
  database = await createEmptyDatabase();
  directory = await mkdtemp(join(tmpdir(), "slipway-migrations-"));
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});

afterEach(async () => {
  await client.end();
  await database.drop();
  await rm(directory, { recursive: true, force: true });
});

async function write(name: string, sql: string): Promise<void> {
  await mkdir(join(directory, name), { recursive: true });
  await writeFile(join(directory, name, "migration.sql"), sql);
}

const run = (withQueues = false) => migrate({ databaseUrl: database.url, directory, withQueues });

test("the shipped migrations and BullMQ's tables apply to an empty database, once", async () => {
  await cp(SHIPPED, directory, { recursive: true });
  expect((await run(true)).length).toBeGreaterThan(0);
  expect(await run(true)).toEqual([]);
  const { rows } = await client.query("select to_regnamespace('bullmq') is not null as made");
  expect(rows).toEqual([{ made: true }]);
});

test("of many starts at once, each migration is applied by one", async () => {
  await write("1_a", "create table a (id int)");
  await write("2_b", "create table b (id int); insert into b values (1)");
  const applied = await Promise.all([run(), run(), run(), run()]);
  expect(applied.flat().sort()).toEqual(["1_a", "2_b"]);
  expect((await client.query("select * from b")).rowCount).toBe(1);
});

test("a failing migration leaves nothing of itself and is applied when it is mended", async () => {
  await write("1_a", "create table a (id int)");
  await write("2_b", "create table b (id int); select 1/0");
  await expect(run()).rejects.toThrow("migration 2_b: division by zero");
  expect((await client.query("select to_regclass('b') as b")).rows).toEqual([{ b: null }]);
  await write("2_b", "create table b (id int)");
  expect(await run()).toEqual(["2_b"]);
});

test("an edited migration is refused", async () => {
  await write("1_a", "create table a (id int)");
  await run();
  await write("1_a", "create table a (id bigint)");
  await expect(run()).rejects.toThrow("migration 1_a was edited after it was applied");
});

test("a database that a newer version used is refused", async () => {
  await write("1_a", "create table a (id int)");
  await write("2_b", "create table b (id int)");
  await run();
  await rm(join(directory, "2_b"), { recursive: true });
  await expect(run()).rejects.toThrow("it was used by a newer Slipway");
});

test("one that failed half-way outside a transaction is refused until it is repaired", async () => {
  await write("1_a", "create table a (id int)");
  await write("2_b", "-- slipway: no transaction\ncreate table b (id int);\nselect 1/0;\n");
  await expect(run()).rejects.toThrow("division by zero");
  await expect(run()).rejects.toThrow("migration 2_b failed half-way earlier");
});

test("statements that refuse a transaction run, also while another start waits", async () => {
  await write("1_a", "create table a (id int)");
  await write(
    "2_b",
    "-- slipway: no transaction\ncreate index concurrently a_id on a (id);\nselect 1;\n",
  );
  expect((await Promise.all([run(), run()])).flat()).toEqual(["1_a", "2_b"]);
});

test("what a migration sets for its session is gone afterwards", async () => {
  await write("1_a", "set search_path to pg_catalog; create table public.a (id int)");
  await write("2_b", "create table b (id int)");
  await run();
  expect((await client.query("select to_regclass('public.b')::text as b")).rows[0]).toEqual({
    b: "b",
  });
});

test("test databases are clones that do not share rows", async () => {
  const [one, two] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  expect(one.url).not.toBe(two.url);
  const other = new pg.Client({ connectionString: one.url });
  await other.connect();
  expect((await other.query("select to_regclass('_prisma_migrations') as made")).rows).toEqual([
    { made: "_prisma_migrations" },
  ]);
  await other.end();
  await Promise.all([one.drop(), two.drop()]);
});
