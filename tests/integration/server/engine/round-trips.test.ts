/**
 * Guarantee: a one-step build stays cheap for PostgreSQL: at most 8 commits and 15 round trips.
 *
 * Everything between a POST of the public API and the finished build runs here: REST with a token,
 * the queue on PostgreSQL, distribution, the socket process's parts with a worker without a wire, the
 * log writer. Each has the pool it has in its process; all go through a proxy that counts on the wire.
 *
 * What is counted, one build at a time, median of several:
 *  - round trips: every answer that `web`, `jobs` and `socket` wait for, reads and notifications
 *    included. BullMQ's own are counted beside them: they are its business, and none of ours waits for
 *    more than two of them (add, claim);
 *  - commits: transactions of anybody, BullMQ's included, that changed a row, as the server numbers
 *    them. Not counted are transactions that only read, and those that only notify: NOTIFY takes a
 *    number, but changes no row and waits for no disk.
 *
 * Leases, sweeps and other upkeep do not run here: they cost the same without builds.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createToken } from "../../../../server/auth";
import { applyConfig, checkConfig } from "../../../../server/config";
import { startEmbedded } from "../../../../server/db/embedded";
import { createInsist } from "../../../../server/db/insist";
import { migrate } from "../../../../server/db/migrate";
import { orgDatabase } from "../../../../server/db/org-database";
import { openDatabase } from "../../../../server/db/pool";
import type { OrgId, ProcessId } from "../../../../server/domain/ids";
import {
  type Builds,
  createBuilds,
  createEngineCommands,
  distribute,
  LocksMoved,
} from "../../../../server/engine";
import { createAnnouncer, OUTBOX, openBus, processChannel } from "../../../../server/events/bus";
import { createFleetCommands, createSessions } from "../../../../server/fleet";
import { LogIds, LogWriter } from "../../../../server/logs";
import { createNullProtocol, scripted } from "../../../../server/protocols/null";
import { openWorker } from "../../../../server/queues/backend";
import { createProcessor } from "../../../../server/queues/processors";
import { createProducer } from "../../../../server/queues/producer";
import { createRest } from "../../../../server/rest";
import { databaseSecrets } from "../../../../server/secrets/database";
import { sealingKey, unseal } from "../../../../server/secrets/seal";
import { steps } from "../../../../server/steps";
import { type CountingProxy, startCountingProxy } from "../../../support/counting-proxy";

const SECRET_KEY = "a key for tests that is long enough to be one";
const KEY = sealingKey(SECRET_KEY);
const WARM_UPS = 5;
const BUILDS = 9;
const CONFIG = JSON.stringify({
  workers: [{ type: "Worker", name: "w1", password: "pass" }],
  projects: {
    p: {
      builders: [
        {
          name: "hello",
          workernames: ["w1"],
          factory: [{ type: "ShellCommand", command: ["echo", "hi"] }],
        },
      ],
    },
  },
});

/** Undone in reverse order. */
const cleanups: (() => Promise<unknown>)[] = [];
let proxy: CountingProxy;
let observer: pg.Client;
let build: () => Promise<void>;

const onError = (error: unknown) => console.error(error);

beforeAll(async () => {
  // A server of its own: its transaction numbers are counted, and nobody else may use any.
  const dataDir = await mkdtemp(join(tmpdir(), "slipway-tests-"));
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
  const server = await startEmbedded({ dataDir, isThrowaway: true });
  cleanups.push(() => server.stop());
  const directory = join(import.meta.dirname, "../../../../prisma/migrations");
  await migrate({ databaseUrl: server.url, directory, withQueues: true });
  proxy = await startCountingProxy(server.url);
  cleanups.push(() => proxy.close());
  observer = new pg.Client({ connectionString: server.url });
  await observer.connect();
  cleanups.push(() => observer.end());

  const rest = await openWeb();
  await openJobs();
  await openSocket();
  const { orgId, token } = await setUp(server.url);
  await connectWorker();
  build = async () => {
    const answer = await rest.post(forceRequest(token), "main", ["builders", "hello"]);
    const { result } = (await answer.json()) as {
      result: { buildrequestids: Record<string, number> };
    };
    const requestId = Object.values(result.buildrequestids)[0];
    for (;;) {
      const { rows } = await observer.query(
        "select state, result from build_request where id = $1 and org_id = $2",
        [requestId, orgId],
      );
      if (rows[0]?.state === "done") {
        expect(rows[0].result).toBe(0);
        return;
      }
      await sleep(5);
    }
  };
});

afterAll(async () => {
  for (let undo = cleanups.pop(); undo; undo = cleanups.pop()) await undo();
});

test("a one-step build costs at most 8 commits and 15 round trips", async () => {
  for (let n = 0; n < WARM_UPS; n += 1) await build();
  await settled();
  const costs: Awaited<ReturnType<typeof costOfOne>>[] = [];
  for (let n = 0; n < BUILDS; n += 1) costs.push(await costOfOne());
  const said: string[] = [];
  proxy.onStatement = (who, text) =>
    said.push(`${who}: ${text.replaceAll(/\s+/g, " ").slice(0, 100)}`);
  await costOfOne();
  proxy.onStatement = null;
  const median = (key: keyof (typeof costs)[number]) =>
    costs.map((cost) => cost[key]).sort((a, b) => a - b)[Math.floor(BUILDS / 2)] as number;
  const figures = {
    roundTrips: median("roundTrips"),
    rowCommits: median("rowCommits"),
    queueRoundTrips: median("queueRoundTrips"),
    allCommits: median("allCommits"),
  };
  console.log(JSON.stringify(figures));
  const statements = `what one build says:\n${said.join("\n")}\n`;
  expect(figures.roundTrips, statements).toBeLessThanOrEqual(15);
  expect(figures.rowCommits, statements).toBeLessThanOrEqual(8);
  // Something was counted at all: submit, claim, begin and end are four of each.
  expect(figures.rowCommits).toBeGreaterThanOrEqual(4);
  expect(figures.queueRoundTrips).toBeGreaterThan(0);
});

async function costOfOne() {
  const before = await transactionNumber();
  proxy.reset();
  await build();
  await settled();
  const counts = proxy.counts();
  const all = Object.values(counts);
  const ours = Object.entries(counts).filter(([name]) => name !== "queue");
  const notifications = all.reduce((sum, count) => sum + count.notifications, 0);
  return {
    roundTrips: ours.reduce((sum, [, count]) => sum + count.roundTrips, 0),
    queueRoundTrips: counts.queue?.roundTrips ?? 0,
    allCommits: all.reduce((sum, count) => sum + count.commits, 0),
    rowCommits: (await transactionNumber()) - before - notifications,
  };
}

/** Nothing has been said to the database for a while: whatever the build woke has come to rest. */
async function settled(): Promise<void> {
  const said = () => JSON.stringify(proxy.counts());
  for (let last = "", still = 0; still < 10; ) {
    await sleep(20);
    still = said() === last ? still + 1 : 0;
    last = said();
  }
}

async function transactionNumber(): Promise<number> {
  const { rows } = await observer.query(
    "select pg_snapshot_xmax(pg_current_snapshot())::text as n",
  );
  return Number(rows[0].n);
}

function forceRequest(token: string): Request {
  return new Request("http://localhost:8010/main/api/v2/builders/hello", {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "force", params: { reason: "count" } }),
  });
}

function open(name: string, role?: "slipway_web") {
  const db = openDatabase({ url: proxy.url, max: 4, name, onError, ...(role ? { role } : {}) });
  cleanups.push(() => db.end());
  return db;
}

/** As server/api/runtime.ts does. */
async function openWeb() {
  const database = open("web", "slipway_web");
  const db = orgDatabase(database);
  const announcer = createAnnouncer(database, onError);
  cleanups.push(() => announcer.flush());
  const producer = createProducer({ databaseUrl: proxy.url, redisUrl: null }, onError);
  cleanups.push(() => producer.close());
  const context = {
    db,
    wake: (orgId: number) => producer.distribute(orgId),
    announce: () => announcer.announce(OUTBOX),
    tell: (owner: number) => announcer.announce(processChannel(owner)),
    machinesAsked: () => {},
  };
  return createRest({
    env: {
      secretKey: SECRET_KEY,
      isHosted: false,
      workers: {
        bind: "127.0.0.1",
        advertise: "ci.example.org",
        pbPort: 9989,
        msgpackPort: null,
        drainSeconds: 0,
        tls: null,
      },
      web: { publicUrl: "http://localhost:8010", trustedProxies: [] },
    },
    db,
    commands: createEngineCommands(context),
    fleet: createFleetCommands(context),
    configChanged: () => {},
    onFault: onError,
    now: Date.now,
  });
}

/** As server/processes/jobs.ts does. */
async function openJobs() {
  const db = open("jobs");
  const announcer = createAnnouncer(db, onError);
  cleanups.push(() => announcer.flush());
  const processor = createProcessor({
    async distribute(orgId) {
      const tell = (owner: ProcessId) => {
        announcer.announce(processChannel(owner));
        announcer.announce(OUTBOX);
      };
      await distribute({ db, actor: "jobs", now: Date.now, tell }, orgId);
    },
    poll: async () => {},
    alarm: async () => {},
    mail: async () => {},
    notice: async () => {},
    see: async () => {},
    sweep: async () => {},
    maintain: async () => {},
  });
  const connection = { databaseUrl: proxy.url, redisUrl: null };
  const worker = await openWorker("distribution", processor, 4, connection, onError);
  cleanups.push(() => worker.close());
}

const protocol = createNullProtocol();
let port = 0;

/** As server/processes/socket.ts does. */
async function openSocket() {
  const db = open("socket");
  const [row] = await db.rows<{ id: ProcessId }>(
    `insert into process (kind, host, pid, lease_expires_at)
     values ('socket', 'test', 1, now() + interval '1 hour') returning id`,
  );
  const processId = row?.id as ProcessId;
  const announcer = createAnnouncer(db, onError);
  cleanups.push(() => announcer.flush());
  const producer = createProducer({ databaseUrl: proxy.url, redisUrl: null }, onError);
  cleanups.push(() => producer.close());
  const insist = createInsist({ fenced: new AbortController().signal, onRetry: onError });
  const announce = () => announcer.announce(OUTBOX);
  const wake = (orgId: number) => producer.distribute(orgId);
  let builds: Builds | null = null;
  const sessions = createSessions({
    db,
    processId,
    unseal: (sealed) => unseal(KEY, sealed),
    wake,
    announce,
    alarm: producer.alarm,
    ask: async () => "no answer",
    attached: (session) => void builds?.attached(session),
    machineHere: () => {},
    see: () => {},
    busy: (session) => builds?.busy(session) ?? 0,
    bound: (session) => builds?.bound(session) ?? 0,
    log: () => {},
    insist,
  });
  const logIds = new LogIds(db);
  const logWriter = new LogWriter(db);
  builds = createBuilds({
    db,
    processId,
    actor: "socket",
    steps,
    secrets: databaseSecrets(db, KEY),
    publicUrl: "http://localhost:8010",
    nextLogId: () => logIds.next(),
    openLog: (of, log) => logWriter.open({ ...of, ...log, logCreatedAt: new Date() }, of),
    connectionOf: (session) => sessions.get(session)?.connection ?? null,
    keepsOf: (session) => sessions.get(session)?.keeps,
    serves: sessions.serves,
    left: sessions.left,
    ended: (session) => {
      if (session !== null) sessions.buildEnded(session);
    },
    announce,
    announceSoon: () => announcer.announceSoon(OUTBOX),
    alarm: producer.alarm,
    locksMoved: new LocksMoved(),
    wake,
    log: (message, fields) => console.error(message, fields),
    insist,
  });
  const { look } = builds;
  const bus = openBus(proxy.url, onError);
  cleanups.push(() => bus.close());
  await bus.listen(processChannel(processId), () => void look().catch(onError));
  const listening = await protocol.listen(sessions.door, {
    host: "127.0.0.1",
    port: 0,
    loginTimeoutMs: 10_000,
  });
  // The end of the worker's session is still written then.
  cleanups.push(settled);
  cleanups.push(() => listening.close());
  port = listening.port;
}

async function setUp(url: string): Promise<{ orgId: OrgId; token: string }> {
  const db = openDatabase({ url, max: 1, name: "set-up", onError });
  const [row] = await db.rows<{ id: OrgId }>(
    "insert into organization (slug, name) values ('main', 'Main') returning id",
  );
  const { documents, errors } = checkConfig(CONFIG);
  if (!row || !documents) throw new Error(JSON.stringify(errors));
  await applyConfig(db, row.id, documents, { author: "test", sealingKey: KEY });
  const token = await createToken(db, row.id, {
    name: "ci",
    scopes: ["trigger"],
    expiresAt: null,
    createdBy: "test",
  });
  await db.end();
  return { orgId: row.id, token };
}

async function connectWorker(): Promise<void> {
  const outcome = await protocol.connect(port, { name: "w1", password: "pass" });
  if (!outcome.accepted) throw new Error("the worker was not admitted");
  outcome.worker.behaviour = scripted({ header: "echo hi\n" }, { stdout: "hi\n" }, { rc: 0 });
}
