// Guarantees: a restore takes place as a whole or not at all, database, key and artifacts together,
// wherever it is cut off; what it says of itself is true; nothing that was there is lost unasked.
import { existsSync } from "node:fs";
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { makeBackup } from "../../../../server/backup/backup";
import { draftOf, JOURNAL_FILE, putInPlace, settle } from "../../../../server/backup/in-place";
import { checkBackup, restoreBackup } from "../../../../server/backup/restore";
import { startEmbedded } from "../../../../server/db/embedded";
import { readEnv } from "../../../../server/env";
import { runCli } from "../../../../server/processes/cli/run-cli";
import { openDatabase } from "../../../../server/processes/supervisor/open-database";
import {
  createEmptyDatabase,
  createTestDatabase,
  type TestDatabase,
} from "../../../support/database";

const MIGRATIONS = join(import.meta.dirname, "../../../../prisma/migrations");
const KEY = "the key of the backup, which is long enough";
const OLD_KEY = "the key that was here before, long enough";
const never = new AbortController().signal;
let source: TestDatabase;
let target: TestDatabase;
let client: pg.Client;
/** Holds the backup, the artifacts it was made of, and one data directory a test. */
let root: string;
let file: string;
let dataDir: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "slipway-restore-"));
  file = join(root, "slipway.backup");
  source = await createTestDatabase();
  await query(source.url, "insert into organization (slug, name) values ('new', 'New')");
  await mkdir(join(root, "source"));
  await writeFile(join(root, "source/app.bin"), "new");
  await backup(file, join(root, "source"));
});
beforeEach(async () => {
  target = await createEmptyDatabase();
  client = new pg.Client({ connectionString: target.url });
  client.on("error", () => {});
  await client.connect();
  dataDir = await mkdtemp(join(root, "data-"));
  await mkdir(join(dataDir, "artifacts"));
  await writeFile(join(dataDir, "artifacts/app.bin"), "old");
  await writeFile(join(dataDir, "secret.key"), `${OLD_KEY}\n`);
});
afterEach(async () => {
  await client.end();
  await target.drop();
});
afterAll(async () => {
  await source.drop();
  await rm(root, { recursive: true });
});

const backup = (to: string, artifacts: string | null) =>
  makeBackup({ databaseUrl: source.url, secretKey: KEY, artifacts, file: to, signal: never });

async function query(url: string, sql: string) {
  const session = new pg.Client({ connectionString: url });
  await session.connect();
  try {
    return (await session.query(sql)).rows;
  } finally {
    await session.end();
  }
}

const restore = async (options: { databaseUrl?: string; from?: string } = {}) =>
  restoreBackup(await checkBackup(options.from ?? file), {
    file: options.from ?? file,
    databaseUrl: options.databaseUrl ?? target.url,
    migrations: MIGRATIONS,
    keyFile: join(dataDir, "secret.key"),
    artifacts: join(dataDir, "artifacts"),
    journal: join(dataDir, JOURNAL_FILE),
    withQueues: true,
    force: false,
    isCopy: null,
    isAlone: false,
    signal: never,
  });

async function slipway(args: string[], databaseUrl: string) {
  let [out, err] = ["", ""];
  const status = await runCli(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    env: { DATABASE_URL: databaseUrl, SLIPWAY_SECRET_KEY: KEY, SLIPWAY_DATA_DIR: dataDir },
    stdin: async () => "",
    sleep: async () => {},
  });
  return { status, out, err };
}

const organizations = async () => {
  const { rows } = await client.query("select to_regclass('public.organization') as found");
  return rows[0].found ? (await client.query("select slug from organization")).rows : null;
};
const text = (name: string) => readFile(join(dataDir, name), "utf8");
const oldIsHere = async () => {
  expect(await organizations()).toBe(null);
  expect([await text("secret.key"), await text("artifacts/app.bin")]).toEqual([
    `${OLD_KEY}\n`,
    "old",
  ]);
  expect((await readdir(dataDir)).sort()).toEqual(["artifacts", "secret.key"]);
};
const newIsHere = async () => {
  expect(await organizations()).toEqual([{ slug: "new" }]);
  expect([await text("secret.key"), await text("artifacts/app.bin")]).toEqual([`${KEY}\n`, "new"]);
  expect((await readdir(dataDir)).sort()).toEqual(["artifacts", "secret.key"]);
};

/** Cuts the connection at the commit, which the server gets or does not. */
async function cutAtCommit(reaches: boolean) {
  const to = new URL(target.url);
  const server = createServer((near) => {
    const far = connect(Number(to.port), to.hostname);
    for (const socket of [near, far]) socket.on("error", () => {});
    near.on("data", (bytes) => {
      const isCommit = bytes.includes("commit\0");
      if (!isCommit || reaches) far.write(bytes);
      if (isCommit) {
        near.destroy();
        far.end();
      }
    });
    far.on("data", (bytes) => near.write(bytes));
    near.on("close", () => far.end());
    far.on("close", () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(to);
  url.host = `127.0.0.1:${(server.address() as { port: number }).port}`;
  return { url: url.href, close: () => new Promise((resolve) => server.close(resolve)) };
}

describe("what is said", () => {
  it("is that the backup is in place, when only what follows did not work out", async () => {
    await query(
      target.url,
      `create schema faults;
       create function faults.refuse() returns event_trigger language plpgsql
         as $$ begin
           if current_query() ~ 'bullmq' then raise exception 'no queues today'; end if;
         end $$;
       create event trigger refuse on ddl_command_start when tag in ('CREATE SCHEMA')
         execute function faults.refuse()`,
    );
    const { status, out, err } = await slipway(["restore", file, "--json"], target.url);
    expect([status, err]).toEqual([75, expect.stringMatching(/in place, but .*no queues today/)]);
    expect(err).not.toContain("nothing was changed");
    expect(JSON.parse(out)).toMatchObject({
      unfinished: [expect.stringContaining("the next start goes on")],
    });
    expect(await organizations()).toEqual([{ slug: "new" }]);
  });

  it("is what became of a commit whose answer was lost", async () => {
    const lost = await cutAtCommit(false);
    await expect(restore({ databaseUrl: lost.url })).rejects.toThrow(/connection/i);
    await lost.close();
    await oldIsHere();
    const late = await cutAtCommit(true);
    expect(await restore({ databaseUrl: late.url })).toEqual({ unfinished: [] });
    await late.close();
    await newIsHere();
  });
});

describe("files and folders", () => {
  const places = () => [join(dataDir, "artifacts"), join(dataDir, "secret.key")];
  const journal = () => join(dataDir, JOURNAL_FILE);
  async function draft() {
    await mkdir(join(dataDir, "artifacts.restoring"));
    await writeFile(join(dataDir, "artifacts.restoring/app.bin"), "new");
    await writeFile(join(dataDir, "secret.key.restoring"), `${KEY}\n`);
    await client.query("begin");
    await client.query("create table organization as select 'new' as slug");
  }
  /** As after a crash: the session is gone, and whoever comes next has another. */
  async function crash() {
    await client.end();
    client = new pg.Client({ connectionString: target.url });
    await client.connect();
  }

  it("are as before when one cannot take its place", async () => {
    await draft();
    await rm(draftOf(places()[1] as string));
    await expect(putInPlace(client, journal(), places())).rejects.toThrow(/ENOENT/);
    await crash();
    expect(await settle(journal(), target.url)).toBe("aborted");
    await oldIsHere();
  });

  it("are as before after a crash ahead of the commit, at the next start too", async () => {
    await draft();
    await putInPlace(client, journal(), places());
    expect([await text("secret.key"), await text("artifacts/app.bin")]).toEqual([
      `${KEY}\n`,
      "new",
    ]);
    await crash();
    expect(await settle(journal(), target.url)).toBe("aborted");
    await oldIsHere();
    expect(await settle(journal(), target.url)).toBe(null);
  });

  it("that were not there before are gone again", async () => {
    await draft();
    for (const place of places()) await rm(place, { recursive: true });
    await putInPlace(client, journal(), places());
    await crash();
    expect(await settle(journal(), target.url)).toBe("aborted");
    expect(await readdir(dataDir)).toEqual([]);
  });

  it("are the new ones after a crash behind the commit", async () => {
    await draft();
    await putInPlace(client, journal(), places());
    await client.query("commit");
    await crash();
    expect(await settle(journal(), target.url)).toBe("committed");
    await newIsHere();
  });

  it("that nobody knows stay, and so does everything else", async () => {
    await mkdir(join(dataDir, "artifacts.replaced"));
    await expect(restore()).rejects.toThrow(/artifacts\.replaced is left of an earlier restore/);
    await rm(join(dataDir, "artifacts.replaced"), { recursive: true });
    await oldIsHere();
  });

  it("stay where a link led to", async () => {
    const disk = await realpath(await mkdtemp(join(root, "disk-")));
    await rm(join(dataDir, "artifacts"), { recursive: true });
    await mkdir(join(disk, "artifacts"));
    await symlink(join(disk, "artifacts"), join(dataDir, "artifacts"));
    await restore();
    expect((await lstat(join(dataDir, "artifacts"))).isSymbolicLink()).toBe(true);
    expect(await readdir(disk)).toEqual(["artifacts"]);
    await newIsHere();
  });

  it("of the artifacts stay when the backup has none", async () => {
    const without = join(root, "without.backup");
    await backup(without, null);
    await restore({ from: without });
    expect(await text("artifacts/app.bin")).toBe("old");
    expect(await text("secret.key")).toBe(`${KEY}\n`);
    expect(await organizations()).toEqual([{ slug: "new" }]);
  });
});

it("a start after a crash has the key of what is in the database", async () => {
  const place = await mkdtemp(join(root, "embedded-"));
  const env = readEnv({ SLIPWAY_DATA_DIR: place, SLIPWAY_DEMO: "0" });
  const key = join(place, "secret.key");
  await writeFile(key, `${OLD_KEY}\n`);
  await writeFile(draftOf(key), `${KEY}\n`);
  const server = await startEmbedded({ dataDir: place });
  const session = new pg.Client({ connectionString: server.url });
  session.on("error", () => {});
  await session.connect();
  await session.query("begin");
  await session.query("create table marker ()");
  await putInPlace(session, join(place, JOURNAL_FILE), [key]);
  expect(await readFile(key, "utf8")).toBe(`${KEY}\n`);
  await session.end();
  await server.stop();
  const { env: found, embedded } = await openDatabase(env, () => {});
  await embedded?.stop();
  expect(found.secretKey).toBe(OLD_KEY);
  expect(existsSync(join(place, JOURNAL_FILE))).toBe(false);
});

it("links among the artifacts are named, and not followed", async () => {
  await symlink("/etc/hostname", join(dataDir, "artifacts/host"));
  const to = join(dataDir, "links.backup");
  const made = await slipway(["backup", to], source.url);
  expect([made.status, made.err]).toEqual([
    0,
    expect.stringMatching(/not in it: .*artifacts\/host\n/),
  ]);
  const again = await slipway(["backup", to, "--force", "--json"], source.url);
  expect(JSON.parse(again.out)).toMatchObject({
    leftOut: [join(dataDir, "artifacts/host")],
  });
});
