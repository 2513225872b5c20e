/**
 * A backup that becomes a copy beside its original: it gets a name of its own at providers and forgets the
 * machines, because they are the original's. Whoever goes on with them by mistake stops them under its
 * builds. In the transaction of the restore; also in tables of older versions.
 */
import { randomBytes } from "node:crypto";
import type pg from "pg";

const WHY = "it belongs to the installation that this one is a copy of";

async function hasMachines(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ is_there: boolean }>(
    `select to_regclass('public.instance') is not null and to_regclass('public.latent_worker') is not null as is_there`,
  );
  return rows[0]?.is_there === true;
}

/** Machines that providers may still have. */
export async function machinesInBackup(client: pg.Client): Promise<number> {
  if (!(await hasMachines(client))) return 0;
  const { rows } = await client.query<{ count: number }>(
    "select count(*)::int as count from instance where state <> 'gone'",
  );
  return rows[0]?.count ?? 0;
}

export async function becomeCopy(client: pg.Client): Promise<void> {
  await client.query(
    `create table if not exists "installation" ("id" integer not null default 1 check ("id" = 1), "tag" text not null,
       "made_at" timestamptz(3) not null default current_timestamp, constraint "installation_pkey" primary key ("id"))`,
  );
  await client.query(
    `insert into installation (tag) values ($1)
     on conflict (id) do update set tag = excluded.tag, made_at = now()`,
    [randomBytes(4).toString("hex")],
  );
  if (!(await hasMachines(client))) return;
  await client.query(
    `update latent_worker set state = 'insubstantiated', reason = $1, instance_id = null, owner_id = null,
       missing_at = null, failure = null where state <> 'shut-down'`,
    [WHY],
  );
  await client.query(
    "update instance set state = 'gone', gone_at = coalesce(gone_at, now()), reason = $1 where state <> 'gone'",
    [WHY],
  );
  await client.query("delete from deadline where kind in ('latent-worker', 'instance-stopping')");
  const tests = await client.query("select to_regclass('public.driver_test') as found");
  if (tests.rows[0]?.found === null) return;
  await client.query(
    "update driver_test set ended_at = now(), outcome = 'cancelled' where ended_at is null",
  );
}
