/**
 * A browser hears what its person may read, soon and merged, and nothing else; and no browser can
 * hurt the process that runs builds (HOUSE, Ownership 9).
 */
import { request as httpRequest } from "node:http";
import { io, type Socket } from "socket.io-client";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type Database, openDatabase, type Queryable } from "../../../../server/db/pool";
import type { UserId } from "../../../../server/domain/ids";
import { type LiveServer, openLive } from "../../../../server/live/live-server";
import { createTestDatabase, type TestDatabase } from "../../../support/database";
import { until } from "../../../support/engine-rig";

interface Message {
  readonly topic: string;
  readonly body: Record<string, unknown>;
}

let testDatabase: TestDatabase;
let db: Database;
let live: LiveServer;
let reads = 0;
const people = new Map([
  ["ada", 1],
  ["eve", 2],
]);
const memberships = new Map([
  ["1 main", 10],
  ["2 other", 20],
]);
const sockets: Socket[] = [];

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  db = openDatabase({ url: testDatabase.url, max: 4, name: "test", onError: () => {} });
});
afterAll(async () => {
  await db.end();
  await testDatabase.drop();
});
beforeEach(async () => {
  const counted: Queryable = {
    rows(statement, values) {
      if (typeof statement !== "string" && statement.name === "read-outbox") reads += 1;
      return db.rows(statement, values);
    },
  };
  live = await openLive({
    host: "127.0.0.1",
    port: 0,
    db: counted,
    userIdOf: async (headers) => {
      const name = headers.get("cookie") ?? "";
      return (people.get(name) as UserId | undefined) ?? null;
    },
    mayWatchDoors: async (userId) => userId === people.get("ada"),
    mayRead: async (userId, org) => memberships.get(`${userId} ${org}`) ?? null,
    log: () => {},
    recheckMs: 20,
  });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.disconnect();
  await live.close();
});

function browser(name: string): { socket: Socket; heard: Message[] } {
  const socket = io(`http://127.0.0.1:${live.port}`, {
    extraHeaders: { cookie: name },
    transports: ["websocket"],
    reconnection: false,
    forceNew: true,
  });
  sockets.push(socket);
  const heard: Message[] = [];
  socket.on("events", (messages: Message[]) => heard.push(...messages));
  return { socket, heard };
}

const subscribe = (socket: Socket, org: string, topics: string[]): Promise<{ ok: boolean }> =>
  socket.emitWithAck("subscribe", { org, topics });

const put = (topic: string, orgId = 10, body: object = {}) =>
  db.rows("insert into outbox (org_id, topic, body) values ($1, $2, $3)", [
    orgId,
    topic,
    JSON.stringify(body),
  ]);

test("members hear their organisation's events, in the rooms they asked for", async () => {
  const ada = browser("ada");
  expect(await subscribe(ada.socket, "main", ["builds", "build:5"])).toEqual({ ok: true });
  await put("builds/4/new");
  await put("builds/4/new", 20);
  await put("workers/1/connected");
  await put("steps/9/started", 10, { buildId: 5 });
  live.wake();
  await until(() => ada.heard.length >= 2);
  expect(ada.heard.map(({ topic }) => topic).sort()).toEqual(["builds/4/new", "steps/9/started"]);
});

test("strangers are refused: no session, no membership, no sense", async () => {
  const nobody = browser("nobody");
  const refusal = await new Promise<Error>((resolve) => nobody.socket.on("connect_error", resolve));
  expect(refusal.message).toBe("sign in first");
  const eve = browser("eve");
  expect(await subscribe(eve.socket, "main", ["builds"])).toEqual({ ok: false });
  for (const given of [
    null,
    "builds",
    { org: "other", topics: ["../x"] },
    { org: "other", topics: Array(101).fill("a") },
  ]) {
    expect(await eve.socket.emitWithAck("subscribe", given)).toEqual({ ok: false });
  }
  expect(await subscribe(eve.socket, "other", ["builds"])).toEqual({ ok: true });
  await put("builds/1/new", 10);
  await put("builds/2/new", 20);
  live.wake();
  await until(() => eve.heard.length > 0);
  expect(eve.heard.map(({ topic }) => topic)).toEqual(["builds/2/new"]);
});

test("many updates of one thing are one message", async () => {
  const ada = browser("ada");
  await subscribe(ada.socket, "main", ["builds"]);
  for (let n = 0; n < 30; n += 1) await put("builds/4/update", 10, { n });
  live.wake();
  await until(() => ada.heard.some(({ body }) => body.n === 29));
  expect(ada.heard.length).toBeLessThan(30);
});

test("a session that is revoked, and a membership that ends, drop the connection", async () => {
  const ada = browser("ada");
  await subscribe(ada.socket, "main", ["builds"]);
  const gone = new Promise((resolve) => ada.socket.on("disconnect", resolve));
  people.delete("ada");
  await gone;
  people.set("ada", 1);
  const again = browser("ada");
  await subscribe(again.socket, "main", ["builds"]);
  const left = new Promise((resolve) => again.socket.on("disconnect", resolve));
  memberships.delete("1 main");
  await left;
  memberships.set("1 main", 10);
});

/** No transaction of the server, whoever's, is older than any event of this topic any more. */
async function past(topic: string): Promise<void> {
  for (;;) {
    const [row] = await db.rows<{ is_past: boolean }>(
      "select bool_and(xid < pg_snapshot_xmin(pg_current_snapshot())) as is_past from outbox where topic = $1",
      [topic],
    );
    if (row?.is_past) return;
  }
}

test("nobody watches, nothing is read; who comes later hears no backlog", async () => {
  const before = reads;
  await put("builds/1/new");
  live.wake();
  expect(reads).toBe(before);
  await past("builds/1/new");
  const first = browser("ada");
  await subscribe(first.socket, "main", ["builds"]);
  first.socket.disconnect();
  await put("builds/2/new");
  live.wake();
  const second = browser("ada");
  await subscribe(second.socket, "main", ["builds"]);
  await put("builds/3/new");
  live.wake();
  await until(() => second.heard.some(({ topic }) => topic === "builds/3/new"));
  expect(second.heard.map(({ topic }) => topic)).not.toContain("builds/1/new");
});

test("two that subscribe at the same moment both hear what follows", async () => {
  const both = [browser("ada"), browser("ada")];
  await Promise.all(both.map(({ socket }) => subscribe(socket, "main", ["builds"])));
  await put("builds/7/new");
  live.wake();
  for (const { heard } of both) await until(() => heard.length > 0);
});

test("an event behind a transaction that is still running is heard when that one ends", async () => {
  const ada = browser("ada");
  await subscribe(ada.socket, "main", ["builds"]);
  await db.transaction(async (tx) => {
    await tx.rows("select pg_current_xact_id()");
    await put("builds/8/new");
    const before = reads;
    live.wake();
    // It looks again and again by itself.
    await until(() => reads >= before + 3);
    expect(ada.heard).toEqual([]);
  });
  await until(() => ada.heard.length > 0);
});

test("lines of logs are told to whoever reads the log or its build", async () => {
  const ada = browser("ada");
  await subscribe(ada.socket, "main", ["log:3"]);
  live.logs([{ orgId: 10, logId: 3, buildId: 4, lineCount: 17 }]);
  live.logs([{ orgId: 20, logId: 3, buildId: 4, lineCount: 99 }]);
  await until(() => ada.heard.length > 0);
  expect(ada.heard).toEqual([
    { topic: "logs/3/append", body: { id: 3, buildId: 4, lines: 17, isComplete: false } },
  ]);
});

test.each(["null", "not a url", "https://evil.example"])(
  "a page of another origin (%s) is refused and harms nobody",
  async (origin) => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      httpRequest(
        `http://127.0.0.1:${live.port}/socket.io/?EIO=4&transport=polling`,
        { headers: { origin, cookie: "ada" } },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      )
        .on("error", reject)
        .end();
    });
    expect(status).toBe(403);
    const ada = browser("ada");
    expect(await subscribe(ada.socket, "main", ["builds"])).toEqual({ ok: true });
  },
);

test("strangers at the doors are told to who may watch them, whatever the organisation", async () => {
  const ada = browser("ada");
  expect(await subscribe(ada.socket, "main", ["doors", "builds"])).toEqual({ ok: true });
  const eve = browser("eve");
  expect(await subscribe(eve.socket, "other", ["doors", "builds"])).toEqual({ ok: false });
  await put("doors/stranger", 0);
  await put("builds/4/new", 20);
  live.wake();
  await until(() => ada.heard.length >= 1 && eve.heard.length >= 1);
  expect(ada.heard.map(({ topic }) => topic)).toEqual(["doors/stranger"]);
  expect(eve.heard.map(({ topic }) => topic)).toEqual(["builds/4/new"]);
});
