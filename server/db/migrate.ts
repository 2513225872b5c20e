import { createHash, randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { runMigrations } from "bullmq";
import pg from "pg";

/**
 * Applies `prisma/migrations` at start, without Prisma's command line, and keeps Prisma's own ledger
 * (`_prisma_migrations`, SHA-256 of the file), so `prisma migrate status` agrees with us.
 *
 * Any number of processes may start at once: a session-level advisory lock lets one of them work
 * while the others wait and then find nothing left to do.
 */

/** The number under which Prisma's own engine locks, so that the two never migrate at once. */
const MIGRATION_LOCK = 72_707_369;

/** First line of a migration whose statements refuse to run in a transaction. */
const OUTSIDE_TRANSACTION = /^-- slipway: no transaction\s*$/m;

export const LEDGER = `
  create table if not exists _prisma_migrations (
    id varchar(36) primary key,
    checksum varchar(64) not null,
    finished_at timestamptz,
    migration_name varchar(255) not null,
    logs text,
    rolled_back_at timestamptz,
    started_at timestamptz not null default now(),
    applied_steps_count integer not null default 0
  )`;

export interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

export interface MigrateOptions {
  databaseUrl: string;
  /** Folder of folders, each with a `migration.sql`; applied in the order of their names. */
  directory: string;
  /** Whether BullMQ's tables (schema `bullmq`) are wanted: queues on PostgreSQL. */
  withQueues: boolean;
}

/** The database and the migrations of this checkout do not fit together; the message says how. */
export class MigrationError extends Error {
  override name = "MigrationError";
}

/**
 * @returns names of the migrations that this call applied
 * @throws MigrationError when an applied file was edited or is missing here, an earlier run failed
 *   half-way, or a statement fails
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const client = new pg.Client({ connectionString: options.databaseUrl });
  // A lost connection fails the query under way; that is where it is dealt with.
  client.on("error", () => {});
  await client.connect();
  try {
    await lock(client);
    const known = await readMigrations(options.directory);
    const pending = await pendingMigrations(client, known);
    for (const migration of pending) await apply(client, migration);
    if (options.withQueues) await runMigrations(client);
    return pending.map((migration) => migration.name);
  } finally {
    // Ends the session and with it the lock.
    await client.end();
  }
}

/**
 * Asks again and again instead of waiting inside one statement: a waiting statement keeps a snapshot,
 * and `create index concurrently` in the process that migrates would wait for it forever.
 */
export async function lock(client: pg.Client): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ locked: boolean }>(
      "select pg_try_advisory_lock($1) as locked",
      [MIGRATION_LOCK],
    );
    if (rows[0]?.locked) return;
    await setTimeout(100);
  }
}

export async function readMigrations(directory: string): Promise<Migration[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    folders.sort().map(async (name) => {
      const sql = await readFile(join(directory, name, "migration.sql"), "utf8");
      return { name, sql, checksum: createHash("sha256").update(sql).digest("hex") };
    }),
  );
}

async function pendingMigrations(client: pg.Client, known: Migration[]): Promise<Migration[]> {
  await client.query(LEDGER);
  const { rows } = await client.query<{
    migration_name: string;
    checksum: string;
    finished_at: Date | null;
  }>(
    `select migration_name, checksum, finished_at from _prisma_migrations
     where rolled_back_at is null`,
  );
  const applied = new Map(rows.map((row) => [row.migration_name, row]));
  const names = new Set(known.map((migration) => migration.name));
  const foreign = rows.find((row) => !names.has(row.migration_name));
  if (foreign) {
    throw new MigrationError(
      `the database has migration ${foreign.migration_name}, which this version does not know: ` +
        "it was used by a newer Slipway",
    );
  }
  return known.filter((migration) => {
    const row = applied.get(migration.name);
    if (row === undefined) return true;
    if (row.finished_at === null) {
      throw new MigrationError(
        `migration ${migration.name} failed half-way earlier: restore a backup, or repair the ` +
          "database and mark it with `prisma migrate resolve`",
      );
    }
    if (row.checksum !== migration.checksum) {
      throw new MigrationError(
        `migration ${migration.name} was edited after it was applied: put the file back as it was ` +
          "and write the change as a new migration",
      );
    }
    return false;
  });
}

/**
 * In one transaction with its ledger row, so a failure leaves nothing. The exception, marked in the
 * file itself, gets its row first and is finished after: a crash between shows as "failed half-way".
 */
async function apply(client: pg.Client, migration: Migration): Promise<void> {
  const id = randomUUID();
  const record = `insert into _prisma_migrations (id, checksum, migration_name) values ($1, $2, $3)`;
  const finish = `update _prisma_migrations set finished_at = now(), applied_steps_count = 1
                  where id = $1`;
  const inTransaction = !OUTSIDE_TRANSACTION.test(migration.sql);
  try {
    if (inTransaction) await client.query("begin");
    await client.query(record, [id, migration.checksum, migration.name]);
    for (const part of inTransaction ? [migration.sql] : statements(migration.sql)) {
      await client.query(part);
    }
    await client.query("reset all");
    await client.query(finish, [id]);
    if (inTransaction) await client.query("commit");
  } catch (error) {
    if (inTransaction) await client.query("rollback").catch(() => {});
    throw new MigrationError(`migration ${migration.name}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/**
 * The statements of a migration for somebody else's transaction, on tables that nobody else uses:
 * an index need not be made beside the traffic.
 */
export function insideTransaction({ sql }: Migration): string {
  return OUTSIDE_TRANSACTION.test(sql) ? sql.replace(/\bconcurrently\b/gi, "") : sql;
}

/** Several statements in one query would be one implicit transaction again. */
function statements(sql: string): string[] {
  return sql
    .split(/;\s*$/m)
    .map((part) => part.trim())
    .filter((part) => part !== "" && !part.split("\n").every((line) => line.startsWith("--")));
}
