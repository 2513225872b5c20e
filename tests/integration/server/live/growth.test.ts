/**
 * A browser whose live channel is one process's hears of the lines that another process writes, soon and
 * merged, and of no other organisation's; and what nobody watches from elsewhere is told to nobody.
 */
import { io, type Socket } from "socket.io-client";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type Database, openDatabase } from "../../../../server/db/pool";
import type { ProcessId, UserId } from "../../../../server/domain/ids";
import {
  type Announcer,
  type Bus,
  createAnnouncer,
  openBus,
  processChannel,
  WATCHING,
} from "../../../../server/events/bus";
import { createGrowth, type Growth } from "../../../../server/live/growth";
import { type LiveServer, type LogProgress, openLive } from "../../../../server/live/live-server";
import { createTestDatabase, type TestDatabase } from "../../../support/database";
import { until } from "../../../support/engine-rig";

interface Process {
  readonly live: LiveServer;
  readonly growth: Growth;
  /** What was told to this process alone. */
  readonly told: string[];
  close(): Promise<void>;
}

interface Message {
  readonly topic: string;
  readonly body: { readonly lines: number };
}

let testDatabase: TestDatabase;
let db: Database;
let processes: Process[];
const sockets: Socket[] = [];
const PEOPLE = new Map([
  ["ada", 10],
  ["eve", 20],
]);

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  db = openDatabase({ url: testDatabase.url, max: 4, name: "test", onError: () => {} });
});
afterAll(async () => {
  await db.end();
  await testDatabase.drop();
});
beforeEach(async () => {
  processes = [await openProcess(1 as ProcessId), await openProcess(2 as ProcessId)];
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.disconnect();
  await Promise.all(processes.map((each) => each.close()));
});

async function openProcess(processId: ProcessId): Promise<Process> {
  const bus: Bus = openBus(testDatabase.url, () => {});
  const announcer: Announcer = createAnnouncer(db, () => {});
  const told: string[] = [];
  const ids = [...PEOPLE.keys()];
  const live = await openLive({
    ...{ host: "127.0.0.1", port: 0, db, log: () => {} },
    userIdOf: async (headers) => {
      const id = ids.indexOf(headers.get("cookie") ?? "") + 1;
      return id === 0 ? null : (id as UserId);
    },
    mayWatchDoors: async () => false,
    mayRead: async (userId) => PEOPLE.get(ids[userId - 1] ?? "") ?? null,
    onWatch: (topics) => growth.watch(topics),
  });
  const growth = createGrowth({
    processId,
    announce: announcer.announce,
    watched: live.watched,
    show: live.logs,
  });
  await bus.listen(WATCHING, growth.said);
  await bus.listen(processChannel(processId), (payload) => {
    if (payload === null) return;
    told.push(payload);
    expect(growth.heard(payload)).toBe(true);
  });
  return {
    live,
    growth,
    told,
    async close() {
      growth.close();
      await live.close();
      await announcer.flush();
      announcer.close();
      await bus.close();
    },
  };
}

async function watch(process: Process, name: string, topics: string[]): Promise<Message[]> {
  const socket = io(`http://127.0.0.1:${process.live.port}`, {
    extraHeaders: { cookie: name },
    transports: ["websocket"],
    reconnection: false,
    forceNew: true,
  });
  sockets.push(socket);
  const heard: Message[] = [];
  socket.on("events", (messages: Message[]) => heard.push(...messages));
  expect(await socket.emitWithAck("subscribe", { org: "any", topics })).toEqual({ ok: true });
  return heard;
}

const grown = (buildId: number, logId: number, lineCount: number): LogProgress => ({
  ...{ orgId: 10, buildId, logId, lineCount },
});

test("lines of another process's build are heard, merged; those of other builds are not sent", async () => {
  const [one, two] = processes as [Process, Process];
  const heard = await watch(one, "ada", ["builds", "build:5", "log:70"]);
  const last = () => heard.findLast(({ topic }) => topic === "logs/50/append")?.body.lines;
  // The word that somebody watches is on its way; lines go on being written meanwhile.
  for (let lines = 1; last() === undefined; lines++) {
    two.growth.stored([grown(5, 50, lines), grown(6, 60, lines)]);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const before = two.told.length + one.told.length;
  for (let lines = 1_000; lines < 1_100; lines++) two.growth.stored([grown(5, 50, lines)]);
  two.growth.stored([grown(7, 70, 7)]);
  await until(() => last() === 1_099);
  expect(heard.some(({ topic }) => topic === "logs/70/append")).toBe(true);
  expect(heard.some(({ topic }) => topic === "logs/60/append")).toBe(false);
  expect(one.told.join()).not.toContain("/60/");
  expect(one.told.length + two.told.length - before).toBeLessThan(5);
});

test("another organisation that asks for the same number hears nothing", async () => {
  const [one, two] = processes as [Process, Process];
  const eve = await watch(one, "eve", ["build:5"]);
  const ada = await watch(one, "ada", ["build:5"]);
  for (let lines = 1; ada.length === 0; lines++) {
    two.growth.stored([grown(5, 50, lines)]);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(eve).toEqual([]);
});

test("what nobody watches elsewhere is told to nobody", async () => {
  const [one, two] = processes as [Process, Process];
  const heard = await watch(two, "ada", ["build:5"]);
  two.growth.stored([grown(5, 50, 1)]);
  await until(() => heard.length > 0);
  expect([...one.told, ...two.told]).toEqual([]);
});

test("words that are none are let alone", () => {
  const [one] = processes as [Process];
  expect(one.growth.heard("judge 1 for 2")).toBe(false);
  expect(one.growth.heard("grown 1/2/3 x 1/2/3/4/5 10/50/5/-1")).toBe(true);
  one.growth.said("x build:5");
  one.growth.said("2 ../etc builds build:x");
  one.growth.said("");
  one.growth.stored([grown(5, 50, 1)]);
});
