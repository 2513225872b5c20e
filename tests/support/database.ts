/**
 * A database of its own for a test file: a clone of a migrated template, made in a fraction of the
 * time that the migrations take. Files may run side by side.
 */
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { migrate } from "../../server/db/migrate";

export interface TestDatabase {
  url: string;
  /** Ends its sessions and removes it. */
  drop(): Promise<void>;
}

const MIGRATIONS = join(import.meta.dirname, "../../prisma/migrations");

/** Held while the template is looked for and made; any number that nobody else uses. */
const TEMPLATE_LOCK = 410_975_223;

/** Migrated, with BullMQ's tables, and empty. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const template = await ensureTemplate();
  // Copying files beats writing every page to the log first: nothing here must survive a crash.
  return create(`template ${template} strategy file_copy`);
}

/** Without a single table, for tests of the migrations themselves. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return create("");
}

/** The server of this run, database `slipway`; tests make databases of their own beside it. */
export function testServerUrl(): string {
  const url = process.env.SLIPWAY_TEST_DATABASE_URL;
  if (!url) throw new Error("no test server: run through tests/vitest.config.ts");
  return url;
}

async function create(options: string): Promise<TestDatabase> {
  const name = `test_${process.pid}_${randomBytes(5).toString("hex")}`;
  await onServer((client) => client.query(`create database ${name} ${options}`));
  const drop = () => onServer((client) => client.query(`drop database if exists ${name} (force)`));
  return {
    url: urlOf(name),
    drop: async () => {
      await drop();
    },
  };
}

let template: Promise<string> | null = null;

/** Named for the content of the migrations, so that a server that lives longer never serves an old one. */
function ensureTemplate(): Promise<string> {
  template ??= onServer(async (client) => {
    const hash = createHash("sha256");
    for (const entry of readdirSync(MIGRATIONS, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      hash.update(entry.name).update(readFileSync(join(MIGRATIONS, entry.name, "migration.sql")));
    }
    const name = `slipway_template_${hash.digest("hex").slice(0, 12)}`;
    const found = "select from pg_database where datname = $1 and datistemplate";
    await client.query("select pg_advisory_lock($1)", [TEMPLATE_LOCK]);
    if ((await client.query(found, [name])).rowCount === 0) {
      await client.query(`drop database if exists ${name}`);
      await client.query(`create database ${name}`);
      await migrate({ databaseUrl: urlOf(name), directory: MIGRATIONS, withQueues: true });
      // Marked only when complete; an interrupted one is made again.
      await client.query(`alter database ${name} with is_template true allow_connections false`);
    }
    return name;
  });
  return template;
}

function urlOf(database: string): string {
  const url = new URL(testServerUrl());
  url.pathname = `/${database}`;
  return url.href;
}

async function onServer<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: urlOf("postgres") });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
