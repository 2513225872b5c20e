// Guarantees: a backup holds the whole installation as it was at one moment, and restoring it gives
// the same tables, sequences, secrets and tokens back; a file that is damaged, cut short, foreign or
// newer changes nothing, and neither does one that would overwrite something unasked.
import { randomBytes } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeBackup } from "../../../../server/backup/backup";
import { type Frame, json, readFrames, writeFrames } from "../../../../server/backup/format";
import { checkBackup, restoreBackup } from "../../../../server/backup/restore";
import { migrate } from "../../../../server/db/migrate";
import { openDatabase } from "../../../../server/db/pool";
import type { OrgId } from "../../../../server/domain/ids";
import { runCli } from "../../../../server/processes/cli/run-cli";
import { databaseSecrets } from "../../../../server/secrets/database";
import { setSecret } from "../../../../server/secrets/store";
import { createEmptyDatabase, type TestDatabase } from "../../../support/database";
import {
  CONFIG,
  history,
  type Installation,
  KEY,
  openInstallation,
  SECRET_KEY,
} from "../rest/support";

const MIGRATIONS = join(import.meta.dirname, "../../../../prisma/migrations");
// Nothing in it repeats: each bit of the file counts.
const ARTIFACT = randomBytes(3_000_000);
const never = new AbortController().signal;
let source: Installation;
let sourceUrl: string;
let orgId: OrgId;
let token: string;
let target: TestDatabase;
let folder: string;
let file: string;

beforeAll(async () => {
  source = await openInstallation();
  orgId = await source.organization("main", CONFIG("a"));
  await source.organization("other", CONFIG("b"));
  await history(source, orgId);
  token = await source.token(orgId, "read");
  await setSecret(source.owner, KEY, { orgId, actor: "ada" }, { name: "deploy", value: "s3cret" });
  // Of a time for which only the source has a partition, and of one for which nobody has.
  await source.owner.rows("select ensure_partitions(now() - interval '20 months', 0)");
  await source.owner.rows(
    `insert into transition (at, org_id, kind, subject_id, to_state, reason, actor)
     select now() - make_interval(months => n), $1, 'build', n, 'finished', E'odd \\\\. \\t text \\n', 'test'
     from unnest(array[0, 20, 50]) as n`,
    [orgId],
  );
  const [row] = await source.owner.rows<{ name: string }>("select current_database() as name");
  const url = new URL(process.env.SLIPWAY_TEST_DATABASE_URL as string);
  url.pathname = `/${row?.name}`;
  sourceUrl = url.href;
  target = await createEmptyDatabase();
  folder = await mkdtemp(join(tmpdir(), "slipway-backup-"));
  file = join(folder, "slipway.backup");
  await mkdir(join(folder, "source/artifacts/main"), { recursive: true });
  await writeFile(join(folder, "source/artifacts/main/app.bin"), ARTIFACT);
  await source.owner.rows("update process set lease_expires_at = now() - interval '1 second'");
});
afterAll(async () => {
  await source.close();
  await target.drop();
  await rm(folder, { recursive: true });
});

async function slipway(args: string[], where: "source" | "target", key = SECRET_KEY) {
  let [out, err] = ["", ""];
  const status = await runCli(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    env: {
      DATABASE_URL: where === "source" ? sourceUrl : target.url,
      SLIPWAY_SECRET_KEY: key,
      SLIPWAY_DATA_DIR: join(folder, where),
    },
    stdin: async () => "",
    sleep: async () => {},
  });
  return { status, out, err };
}

/** Every row of every table and every sequence, apart from what a restore is meant to change. */
async function contents(url: string): Promise<Record<string, unknown>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      `select relname as name from pg_class where relnamespace = 'public'::regnamespace
         and relkind in ('r', 'p') and not relispartition order by 1`,
    );
    const found: Record<string, unknown> = {};
    for (const { name } of tables.rows) {
      const { rows } = await client.query(
        `select to_jsonb(t) - 'xid' - 'gone_at' - 'gone_reason' as row from ${name} t
         order by (to_jsonb(t) - 'xid' - 'gone_at' - 'gone_reason')::text`,
      );
      found[name] = rows.map(({ row }) => row);
    }
    const sequences = await client.query(
      "select sequencename, last_value from pg_sequences where schemaname = 'public' order by 1",
    );
    return { ...found, sequences: sequences.rows };
  } finally {
    await client.end();
  }
}

it("brings everything back", async () => {
  const made = await slipway(["backup", file], "source");
  expect(made).toMatchObject({
    status: 0,
    out: `${file}: 2 organisations, 2 builds\n`,
    err: expect.stringContaining("holds the installation's key"),
  });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await slipway(["backup", file], "source")).status).toBe(70);
  expect(await slipway(["restore", file, "--show-key"], "target")).toMatchObject({
    status: 0,
    out: `${SECRET_KEY}\n`,
  });
  const restored = await slipway(["restore", file, "--json"], "target");
  expect([restored.status, restored.err]).toEqual([0, ""]);
  expect(JSON.parse(restored.out)).toMatchObject({
    organizations: 2,
    builds: 2,
    hasArtifacts: true,
  });
  expect(restored.out).not.toContain(SECRET_KEY);

  expect(await contents(target.url)).toEqual(await contents(sourceUrl));
  const artifact = await readFile(join(folder, "target/artifacts/main/app.bin"));
  expect(artifact.equals(ARTIFACT)).toBe(true);
  const db = openDatabase({ url: target.url, max: 1, name: "test", onError: () => {} });
  try {
    const request = { orgId, names: ["deploy"], reader: "test", enrol: () => {} };
    const read = await databaseSecrets(db, KEY).read(request);
    expect(read.get("deploy")?.reveal()).toBe("s3cret");
    const [row] = await db.rows(
      `select (select count(*) from process where gone_at is null) as alive,
         (select count(*) from transition_default) as outside,
         (select count(*) from api_token where prefix = left($1, 8)) as tokens,
         has_table_privilege('slipway_web', 'secret', 'select') as web,
         (select relrowsecurity from pg_class where relname = 'secret') as fenced,
         to_regclass('bullmq.job') is not null or exists (select from pg_namespace where nspname = 'bullmq') as queues`,
      [token],
    );
    expect(row).toMatchObject({ alive: 0, outside: 1, web: true, fenced: true, queues: true });
  } finally {
    await db.end();
  }
});

it("overwrites nothing unasked, nor beside a running Slipway, nor under another key", async () => {
  const before = await contents(target.url);
  const refused = await slipway(["restore", file], "target");
  expect(refused).toMatchObject({ status: 70, err: expect.stringContaining("--force") });
  const otherKey = await slipway(["restore", file, "--force"], "target", "another key".repeat(4));
  expect(otherKey).toMatchObject({ status: 70, err: expect.stringContaining("--show-key") });
  const client = new pg.Client({ connectionString: target.url });
  await client.connect();
  await client.query(
    `insert into process (kind, host, pid, lease_expires_at) values ('web', 'h', 7, now() + interval '1 hour')`,
  );
  const running = await slipway(["restore", file, "--force"], "target");
  expect(running).toMatchObject({
    status: 70,
    err: expect.stringContaining("web on h (process 7)"),
  });
  await client.query("delete from process where pid = 7");
  expect({ ...(await contents(target.url)), sequences: 0 }).toEqual({ ...before, sequences: 0 });
  await client.query("delete from secret");
  await client.end();
  expect((await slipway(["restore", file, "--force"], "target")).status).toBe(0);
  expect(await contents(target.url)).toEqual(await contents(sourceUrl));
});

it("refuses what is damaged, cut short, foreign or newer, and changes nothing", async () => {
  const before = await contents(target.url);
  const whole = await readFile(file);
  const bad = join(folder, "bad.backup");
  const check = async (bytes: Buffer, says: RegExp) => {
    await writeFile(bad, bytes);
    const { status, err } = await slipway(["restore", bad, "--force"], "target");
    expect([status, err]).toEqual([65, expect.stringMatching(says)]);
  };
  for (const share of [0.01, 0.5, 0.999]) {
    const at = Math.max(40, Math.floor(whole.length * share));
    await check(whole.subarray(0, at), /damaged or was cut short/);
    await check(changedAt(whole, at), /damaged or was cut short/);
  }
  await check(Buffer.alloc(0), /not a backup/);
  await check(Buffer.from("PGDMP and so on, a dump of something else"), /not a backup/);
  await check(Buffer.from("slipway backup 2\nwho knows what"), /another version/);
  expect((await slipway(["restore", join(folder, "none"), "--force"], "target")).status).toBe(65);

  await writeFrames(bad, withMigration(readFrames(file), "20991231000000_future"), never);
  const newer = await slipway(["restore", bad, "--force"], "target");
  expect(newer).toMatchObject({ status: 65, err: expect.stringContaining("newer Slipway") });
  expect((await slipway(["restore", bad, "--check"], "target")).status).toBe(65);
  expect(await contents(target.url)).toEqual(before);
});

/** Another content: a bit of a compressed file may be one of several ways to say the same. */
function changedAt(whole: Buffer, at: number): Buffer {
  const changed = Buffer.from(whole);
  changed[at] = (changed[at] as number) ^ 0x10;
  const content = (file: Buffer) => gunzipSync(file.subarray(file.indexOf("\n") + 1));
  try {
    if (content(changed).equals(content(whole))) return changedAt(whole, at + 1);
  } catch {
    // No gzip file any more.
  }
  return changed;
}

async function* withMigration(frames: AsyncIterable<Frame>, name: string): AsyncGenerator<Frame> {
  for await (const frame of frames) {
    if (frame.kind !== "header") yield frame;
    else {
      const header = JSON.parse(frame.payload.toString());
      yield json("header", { ...header, migrations: { ...header.migrations, [name]: "0" } });
    }
  }
}

it("says of machines whose they are: the original's, or its own", async () => {
  await source.owner.rows("insert into installation (tag) values ('0r1g1nal')");
  await source.owner.rows(
    `with w as (select id, org_id from worker order by id limit 1),
       i as (insert into instance (org_id, worker_id, driver, key, state, reason)
         select org_id, id, 'K', 'bb-0r1g1nal-main-w-1', 'running', 'its worker has logged in' from w returning id, worker_id, org_id),
       l as (insert into latent_worker (org_id, worker_id, state, reason, instance_id)
         select org_id, worker_id, 'substantiated', 'its machine has logged in', id from i)
     insert into deadline (org_id, kind, subject_id, fire_at, reason)
     select org_id, 'latent-worker', worker_id, now(), 'its machine is to be seen to' from i`,
  );
  const withMachine = join(folder, "machine.backup");
  expect((await slipway(["backup", withMachine], "source")).status).toBe(0);
  const place = await createEmptyDatabase();
  const before = target;
  target = place;
  const state = async () => {
    const client = new pg.Client({ connectionString: place.url });
    await client.connect();
    const { rows } = await client.query(
      `select (select tag from installation) as tag, i.state, l.state as latent, l.instance_id is not null as has,
         (select count(*)::int from deadline where kind = 'latent-worker') as due
       from instance i join latent_worker l on l.worker_id = i.worker_id`,
    );
    await client.end();
    return rows[0];
  };
  try {
    const unsaid = await slipway(["restore", withMachine], "target");
    expect(unsaid.status).toBe(70);
    expect(unsaid.err).toContain("--copy leaves them to the installation that it is of");
    expect((await slipway(["restore", withMachine, "--copy", "--only"], "target")).status).not.toBe(
      0,
    );

    expect((await slipway(["restore", withMachine, "--copy"], "target")).status).toBe(0);
    const copy = await state();
    expect(copy).toMatchObject({ state: "gone", latent: "insubstantiated", has: false, due: 0 });
    expect(copy.tag).toMatch(/^[0-9a-f]{8}$/);

    expect((await slipway(["restore", withMachine, "--only", "--force"], "target")).status).toBe(0);
    expect(await state()).toEqual({
      ...{ tag: "0r1g1nal", state: "running", latent: "substantiated", has: true, due: 1 },
    });
  } finally {
    target = before;
    await place.drop();
    await source.owner.rows("delete from latent_worker");
    await source.owner.rows("delete from instance");
    await source.owner.rows("delete from installation");
  }
});

it("brings an older database up to this version", async () => {
  const older = await createEmptyDatabase();
  const place = await createEmptyDatabase();
  const first = "20261121000000_model";
  await cp(join(MIGRATIONS, first), join(folder, "older", first), { recursive: true });
  try {
    const at = { databaseUrl: older.url, directory: join(folder, "older"), withQueues: false };
    await migrate(at);
    const client = new pg.Client({ connectionString: older.url });
    await client.connect();
    await client.query("insert into organization (slug, name) values ('old', 'Old')");
    await client.end();
    const old = join(folder, "old.backup");
    await makeBackup({
      databaseUrl: older.url,
      secretKey: SECRET_KEY,
      artifacts: null,
      file: old,
      signal: never,
    });
    await restoreBackup(await checkBackup(old), {
      file: old,
      databaseUrl: place.url,
      migrations: MIGRATIONS,
      keyFile: join(folder, "secret.key"),
      artifacts: null,
      journal: join(folder, "restoring.json"),
      withQueues: true,
      force: false,
      isCopy: null,
      isAlone: false,
      signal: never,
    });
    expect(await readFile(join(folder, "secret.key"), "utf8")).toBe(`${SECRET_KEY}\n`);
    const found = await contents(place.url);
    expect(found.organization).toMatchObject([{ slug: "old" }]);
    const names = (found._prisma_migrations as { migration_name: string }[]).map(
      (row) => row.migration_name,
    );
    expect(names.length).toBeGreaterThan(1);
    expect(names).toContain(first);
  } finally {
    await Promise.all([older.drop(), place.drop()]);
  }
});
