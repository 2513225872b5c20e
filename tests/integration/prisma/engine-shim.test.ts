// Guarantees that the migrations make exactly what schema.prisma describes, and that Prisma's own
// command line, through our stand-in for its engine, agrees with the migrations that we apply.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { migrate } from "../../../server/db/migrate";
import { createEmptyDatabase, type TestDatabase } from "../../support/database";

const ROOT = join(import.meta.dirname, "../../..");
const MIGRATIONS = join(ROOT, "prisma/migrations");

let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  database = await createEmptyDatabase();
  folder = await mkdtemp(join(tmpdir(), "slipway-drift-"));
});

afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

function prisma(...args: string[]): Promise<{ status: number; output: string }> {
  const env = {
    ...process.env,
    DATABASE_URL: database.url,
    PRISMA_SCHEMA_ENGINE_BINARY: join(ROOT, "prisma/engine-shim.mjs"),
    PRISMA_HIDE_UPDATE_MESSAGE: "1",
    CHECKPOINT_DISABLE: "1",
  };
  return new Promise((resolve) => {
    execFile(
      join(ROOT, "node_modules/.bin/prisma"),
      args,
      { cwd: ROOT, env },
      (error, stdout, stderr) =>
        resolve({ status: error ? Number(error.code) : 0, output: stdout + stderr }),
    );
  });
}

const diff = (schema: string) =>
  prisma("migrate", "diff", "--from-migrations", MIGRATIONS, "--to-schema", schema, "--exit-code");

test("migrations and schema describe the same tables", async () => {
  const { status, output } = await diff(join(ROOT, "prisma/schema.prisma"));
  expect(output).toContain("No difference detected");
  expect(status).toBe(0);
});

test("a column that only the schema has is noticed", async () => {
  const schema = await readFile(join(ROOT, "prisma/schema.prisma"), "utf8");
  const changed = join(folder, "schema.prisma");
  await writeFile(changed, schema.replace(/^model (\w+) \{$/m, "$&\n  drifted Int?"));
  const { status, output } = await diff(changed);
  expect(output).toContain("drifted");
  expect(status).toBe(2);
});

test("Prisma takes a database that we migrated for up to date", async () => {
  await migrate({ databaseUrl: database.url, directory: MIGRATIONS, withQueues: true });
  const { status, output } = await prisma("migrate", "status");
  expect(output).toContain("Database schema is up to date");
  expect(status).toBe(0);
});

test("we take a database that Prisma migrated for up to date", async () => {
  const { status } = await prisma("migrate", "reset", "--force");
  expect(status).toBe(0);
  expect(
    await migrate({ databaseUrl: database.url, directory: MIGRATIONS, withQueues: false }),
  ).toEqual([]);
});
