// Guarantees that the embedded database keeps what was written through stops, kills of its parent and
// power cuts, that a server without its parent is used and then stopped by the next one, and that its
// password is nobody else's to read.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isAlive, locateEmbedded, startEmbedded } from "../../../../../server/db/embedded";

const ROOT = join(import.meta.dirname, "../../../../..");

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "slipway-embedded-"));
});

afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const start = () => startEmbedded({ dataDir, isThrowaway: true });

test("rows survive a stop; commands on the same host find the database", async () => {
  const first = await start();
  expect(await locateEmbedded(dataDir)).toBe(first.url);
  await query(first.url, "create table kept as select 1 as one");
  await first.stop();
  expect(isAlive(first.pid)).toBe(false);
  const second = await start();
  expect(second.url).toBe(first.url);
  expect(await query(second.url, "select * from kept")).toEqual([{ one: 1 }]);
  await second.stop();
});

test("its password and its files are closed to others", async () => {
  const server = await start();
  expect((await stat(join(dataDir, "postgres.password"))).mode & 0o777).toBe(0o600);
  expect((await stat(join(dataDir, "postgres"))).mode & 0o777).toBe(0o700);
  const wrong = server.url.replace(/:[^:@]+@/, ":wrong@");
  await expect(query(wrong, "select 1")).rejects.toThrow("password authentication failed");
  await server.stop();
});

test("a stop ends sessions that are still open", async () => {
  const server = await start();
  const client = new pg.Client({ connectionString: server.url });
  // One for what the server says, one for the closed connection.
  const ended = new Promise((resolve) => client.on("error", resolve));
  await client.connect();
  await server.stop();
  expect(await ended).toBeInstanceOf(Error);
});

test("a server whose parent was killed is taken over, and stopped", async () => {
  // Beside the other programs, where packages and the checkout are found.
  const bundled = join(ROOT, ".dist", `test-parent-${process.pid}.mjs`);
  await build({
    absWorkingDir: ROOT,
    stdin: {
      contents: `import { startEmbedded } from "./server/db/embedded";
        const { pid } = await startEmbedded({ dataDir: process.argv[2], isThrowaway: true });
        console.log(pid);`,
      resolveDir: ROOT,
      loader: "ts",
    },
    outfile: bundled,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
  });
  const parent = spawn(process.execPath, [bundled, dataDir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(parent.stdout, "data");
  const pid = Number(String(line).trim());
  parent.kill("SIGKILL");
  await once(parent, "exit");
  await rm(bundled);

  const next = await start();
  expect(next).toMatchObject({ pid, isReused: true });
  expect(await query(next.url, "select 1 as one")).toEqual([{ one: 1 }]);
  await next.stop();
  await next.gone;
  expect(isAlive(pid)).toBe(false);
});

test("a pid file that a power cut left is no obstacle, whoever has the number now", async () => {
  const first = await start();
  await first.stop();
  const lines = [process.pid, join(dataDir, "postgres"), 1, 5432, "", "127.0.0.1", 1, "ready"];
  await writeFile(join(dataDir, "postgres/postmaster.pid"), `${lines.join("\n")}\n`);
  const second = await start();
  expect(second.isReused).toBe(false);
  await second.stop();
});

test("a port that somebody else took meanwhile is replaced", async () => {
  const first = await start();
  const port = Number(new URL(first.url).port);
  await first.stop();
  const squatter = createServer().listen(port, "127.0.0.1");
  await once(squatter, "listening");
  const second = await start();
  expect(second.url).not.toBe(first.url);
  await second.stop();
  squatter.close();
});

test("a server that dies is noticed", async () => {
  const server = await start();
  process.kill(server.pid, "SIGQUIT");
  await server.gone;
  await server.stop();
});
