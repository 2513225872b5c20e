/** The database as frames: every table of schema public in one snapshot, while others go on writing. */
import pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { data, type Frame, json } from "./format";
import type { Header } from "./header";

interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  /** Tables that must be there before it. */
  readonly needs: readonly string[];
}

/**
 * Partitions come with their parents. A column of type xid8 means something to the server that wrote
 * it and to no other; it has a default.
 */
const TABLES = `
  select c.relname as name,
    (select array_agg(a.attname::text order by a.attnum) from pg_attribute a
     where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
       and a.atttypid <> 'xid8'::regtype) as columns,
    (select coalesce(array_agg(distinct f.confrelid::regclass::text), '{}') from pg_constraint f
     where f.conrelid = c.oid and f.contype = 'f' and f.confrelid <> c.oid) as needs
  from pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  order by c.relname`;

const SEQUENCES = `
  select sequencename as name, coalesce(last_value, start_value)::text as value,
    last_value is not null as "isCalled"
  from pg_sequences where schemaname = 'public' order by 1`;

const PERIODS = `
  select distinct to_char(to_date(rpad(substring(c.relname from '_([0-9]{6,8})$'), 8, '01'), 'YYYYMMDD'),
    'YYYY-MM-DD') as day
  from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where c.relnamespace = 'public'::regnamespace and c.relname ~ '_([0-9]{6}|[0-9]{8})$' order by 1`;

const COUNTS = `select (select count(*) from organization)::int as organizations,
  (select count(*) from build)::int as builds`;

export type DatabaseFacts = Pick<Header, "migrations" | "periods" | "organizations" | "builds">;

/** From here to the end of the session everything is read as it is now. */
export async function openSnapshot(client: pg.Client): Promise<DatabaseFacts> {
  await client.query("begin isolation level repeatable read read only");
  await client.query("set local timezone to 'UTC'");
  const { rows } = await client.query<{ name: string; checksum: string }>(
    `select migration_name as name, checksum from _prisma_migrations
     where finished_at is not null and rolled_back_at is null`,
  );
  const periods = await client.query<{ day: string }>(PERIODS);
  const counts = await client.query<{ organizations: number; builds: number }>(COUNTS);
  return {
    migrations: Object.fromEntries(rows.map(({ name, checksum }) => [name, checksum])),
    periods: periods.rows.map(({ day }) => day),
    ...(counts.rows[0] ?? { organizations: 0, builds: 0 }),
  };
}

/** @param client inside `openSnapshot` */
export async function* dump(client: pg.Client): AsyncGenerator<Frame> {
  const { rows } = await client.query<Table>(TABLES);
  for (const { name, columns } of inOrder(rows)) {
    yield json("table", { name, columns });
    const names = columns.map((column) => pg.escapeIdentifier(column)).join(", ");
    const copy = client.query(
      copyTo(`copy (select ${names} from ${pg.escapeIdentifier(name)}) to stdout (format binary)`),
    );
    for await (const bytes of copy) yield* data(bytes as Buffer);
    yield json("end", { rows: copy.rowCount });
  }
  // Not part of a snapshot: numbers that are handed out meanwhile are left out and never used twice.
  yield json("sequences", (await client.query(SEQUENCES)).rows);
}

/** Each table behind those it refers to. */
function inOrder(tables: readonly Table[]): Table[] {
  const byName = new Map(tables.map((table) => [table.name, table]));
  const ordered = new Set<Table>();
  const add = (table: Table, above: readonly string[]) => {
    if (ordered.has(table)) return;
    if (above.includes(table.name)) throw new Error(`tables refer to each other: ${above}`);
    for (const name of table.needs) {
      const needed = byName.get(name);
      if (needed) add(needed, [...above, table.name]);
    }
    ordered.add(table);
  };
  for (const table of tables) add(table, []);
  return [...ordered];
}
