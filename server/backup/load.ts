/** Frames into an empty database, and making one empty. All of it in the caller's transaction. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { insideTransaction, LEDGER, type Migration } from "../db/migrate";
import type { FrameReader } from "./frame-reader";
import { type Header, sequences, table, tableEnd } from "./header";

const quoted = (names: readonly string[]) => names.map((name) => pg.escapeIdentifier(name));

/** Whether nothing would be lost: no table at all, or ours without an organisation. */
export async function isEmpty(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ tables: number; ours: boolean }>(
    `select count(*)::int as tables, to_regclass('public.organization') is not null as ours
     from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')`,
  );
  if (rows[0]?.tables === 0) return true;
  if (!rows[0]?.ours) return false;
  return (await client.query("select from organization limit 1")).rowCount === 0;
}

/** Processes that hold a lease: Slipway runs on this database. */
export async function whoRuns(client: pg.Client): Promise<string[]> {
  const known = await client.query("select to_regclass('public.process') as found");
  if (known.rows[0]?.found === null) return [];
  const { rows } = await client.query<{ who: string }>(
    `select kind || ' on ' || host || ' (process ' || pid || ')' as who from process
     where gone_at is null and lease_expires_at > now() order by id`,
  );
  return rows.map(({ who }) => who);
}

/** Queued jobs go too: they are wake-ups, and whoever starts next looks for what waits. */
export async function empty(client: pg.Client): Promise<void> {
  const tables = await client.query<{ name: string }>(
    `select relname as name from pg_class
     where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition`,
  );
  const names = tables.rows.map(({ name }) => `public.${pg.escapeIdentifier(name)}`);
  if (names.length > 0) await client.query(`drop table ${names.join(", ")} cascade`);
  const functions = await client.query<{ signature: string }>(
    `select p.oid::regprocedure::text as signature from pg_proc p
     where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'
       and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')`,
  );
  for (const { signature } of functions.rows) await client.query(`drop function ${signature}`);
  await client.query("drop schema if exists bullmq cascade");
}

/** The tables as they were when the backup was made, and the partitions of its time. */
export async function makeTables(
  client: pg.Client,
  header: Header,
  migrations: readonly Migration[],
): Promise<void> {
  await client.query(LEDGER);
  for (const migration of migrations) {
    if (!Object.hasOwn(header.migrations, migration.name)) continue;
    await client.query(insideTransaction(migration));
  }
  // A migration may have changed settings of the session.
  await client.query("reset all");
  await client.query("set local timezone to 'UTC'");
  for (const day of header.periods) {
    await client.query("select ensure_partitions($1::date::timestamptz, 0)", [day]);
  }
}

/** From its `table` frame on, which has been read. */
export async function loadTable(
  client: pg.Client,
  frames: FrameReader,
  described: unknown,
): Promise<void> {
  const { name, columns } = table.parse(described);
  const target = `public.${pg.escapeIdentifier(name)} (${quoted(columns).join(", ")})`;
  const copy = client.query(copyFrom(`copy ${target} from stdin (format binary)`));
  await pipeline(Readable.from(frames.data(), { objectMode: false }), copy);
  const { rows } = tableEnd.parse(frames.end());
  if (copy.rowCount !== rows) throw new Error(`${name}: ${copy.rowCount} rows of ${rows}`);
}

export async function setSequences(client: pg.Client, payload: unknown): Promise<void> {
  for (const { name, value, isCalled } of sequences.parse(payload)) {
    await client.query("select setval($1::regclass, $2::bigint, $3)", [
      `public.${pg.escapeIdentifier(name)}`,
      value,
      isCalled,
    ]);
  }
}

/** Whoever ran is not there any more: the next start takes over what they held. */
export async function declareAllGone(client: pg.Client): Promise<void> {
  await client.query(
    `update process set gone_at = now(), gone_reason = 'the installation was restored from a backup'
     where gone_at is null`,
  );
}
