/**
 * The engine and the fleet in one program, as `jobs` and any number of `socket` processes make
 * them, over a real database: workers are null workers, notifications are function calls. Each
 * process reaches the database through a line that a test can cut.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createInsist } from "../../server/db/insist";
import { orgDatabase } from "../../server/db/org-database";
import { type Database, only, openDatabase, type Queryable } from "../../server/db/pool";
import type {
  BuilderId,
  BuildId,
  BuildRequestId,
  LossId,
  OrgId,
  ProcessId,
  WorkerId,
} from "../../server/domain/ids";
import {
  type Builds,
  createBuilds,
  createEngineCommands,
  distribute,
  type EngineCommands,
  LOCKS,
  LocksMoved,
  machineHere,
  sweep,
} from "../../server/engine";
import { openBus } from "../../server/events/bus";
import { mergeCalls } from "../../server/events/merge-calls";
import {
  createFleetCommands,
  createSessions,
  type FleetCommands,
  fireDeadlines,
  type Sessions,
  type SessionsContext,
} from "../../server/fleet";
import { LogIds, LogWriter } from "../../server/logs";
import type { Listening } from "../../server/protocols/contract";
import {
  createNullProtocol,
  type NullWorker,
  type NullWorkerOptions,
} from "../../server/protocols/null";
import { databaseSecrets } from "../../server/secrets/database";
import { sealingKey } from "../../server/secrets/seal";
import { steps } from "../../server/steps";
import { createTestDatabase } from "./database";

/** Seals the secrets of a test. */
export const RIG_KEY = sealingKey("a key for tests that is long enough to be one");
export const CALLER = { orgId: 1 as OrgId, actor: "ada@example.org" };

/** What a test may do to a process's line to the database. */
export interface Line extends Queryable {
  /** up: as it is; away: refused; dead: never an answer, as after kill -9. */
  state: "up" | "away" | "dead";
  /** The next statement whose text matches succeeds, but its answer is lost. */
  loseAnswerOf: RegExp | null;
  /** Called before each statement. */
  before: ((text: string) => Promise<void> | void) | null;
}

export interface SocketProcess {
  readonly id: ProcessId;
  readonly line: Line;
  readonly sessions: Sessions;
  readonly builds: Builds;
  readonly logs: string[];
  connect(name: string, options?: Partial<NullWorkerOptions>): Promise<NullWorker>;
  tryConnect(name: string, options?: Partial<NullWorkerOptions>): Promise<NullWorker | null>;
  /** As a notification with this payload does. */
  told(payload: "" | "stop"): void;
  /** As SIGTERM does when builds may end first; settles when all have. */
  handOver(): Promise<void>;
  /** As SIGTERM does. */
  stop(): Promise<void>;
  /** As kill -9 and its supervisor do. */
  die(): Promise<void>;
}

export interface Rig {
  readonly db: Database;
  readonly url: string;
  readonly commands: EngineCommands;
  readonly fleet: FleetCommands;
  /** Ids of the alarms that were set. */
  readonly alarms: ReadonlySet<string>;
  /** Losses of which somebody is to be told. */
  readonly toTell: Set<LossId>;
  /** Notices that people are to be told. */
  readonly notices: Set<number>;
  /** Acts on the fleet's deadlines that passed. */
  deadlines(): Promise<void>;
  /** Whether `wake` reaches the distributor. */
  isDistributing: boolean;
  addWorker(name: string, maxBuilds?: number | null): Promise<WorkerId>;
  addBuilder(
    name: string,
    workers: readonly WorkerId[],
    steps: readonly object[],
  ): Promise<BuilderId>;
  socket(): Promise<SocketProcess>;
  /** A socket process is to look at its builds and at what was asked of its sessions. */
  told(owner: ProcessId): void;
  force(builderId: BuilderId, priority?: number): Promise<BuildRequestId>;
  distribute(): Promise<void>;
  sweep(): Promise<void>;
  /** The newest build of the request, once it meets the condition. */
  build(requestId: BuildRequestId, condition?: (build: BuildRow) => boolean): Promise<BuildRow>;
  builds(requestId: BuildRequestId): Promise<BuildRow[]>;
  steps(buildId: BuildId): Promise<StepRow[]>;
  request(requestId: BuildRequestId): Promise<{ state: string; result: number | null }>;
  close(): Promise<void>;
}

export interface BuildRow {
  readonly id: BuildId;
  readonly number: number;
  readonly state: string;
  readonly result: number | null;
  readonly state_string: string;
  readonly worker_id: WorkerId;
  readonly owner_id: ProcessId;
  readonly owner_epoch: number;
}

export interface StepRow {
  readonly name: string;
  readonly state: string;
  readonly result: number | null;
  readonly state_string: string;
}

export const isFinished = ({ state }: { state: string }) => state === "finished";
export const isRunning = ({ state }: { state: string }) => state === "running";

/** Waits for a state. The suite's own limit ends a test whose state never comes. */
export async function until<T>(look: () => Promise<T> | T): Promise<NonNullable<T>> {
  for (;;) {
    const seen = await look();
    if (seen !== null && seen !== undefined && seen !== false) return seen as NonNullable<T>;
    await sleep(5);
  }
}

export async function createRig(): Promise<Rig> {
  const testDatabase = await createTestDatabase();
  const { url } = testDatabase;
  const onError = () => {};
  const db = openDatabase({ url, max: 12, name: "rig", onError });
  const web = openDatabase({ url, max: 4, name: "rig-web", role: "slipway_web", onError });
  await db.rows("insert into organization (id, slug, name) values (1, 'main', 'Main')");
  const sockets = new Map<ProcessId, SocketProcess>();
  const tell = (payload: "" | "stop") => (owner: ProcessId) => sockets.get(owner)?.told(payload);
  const announce = () => {};

  const distributeOnce = async (orgId: OrgId) => {
    await distribute({ db, actor: "jobs 1", now: Date.now, tell: tell("") }, orgId);
  };
  const merged = mergeCalls(() => distributeOnce(CALLER.orgId), onError);
  const wake = () => {
    if (rig.isDistributing) void merged();
  };
  const people = orgDatabase(web);
  const alarms = new Set<string>();
  const toTell = new Set<LossId>();
  const notices = new Set<number>();

  const rig: Rig = {
    db,
    url,
    isDistributing: true,
    alarms,
    toTell,
    notices,
    deadlines: () =>
      fireDeadlines({
        db,
        actor: "jobs 1",
        host: "ci.example.org",
        wake,
        tellOf: (lossId) => toTell.add(lossId),
        tellNotice: (id) => void notices.add(id),
        announce,
      }),
    commands: createEngineCommands({ db: people, wake, announce, tell: tell("stop") }),
    fleet: createFleetCommands({
      ...{ db: people, wake, announce, tell: tell("stop") },
      machinesAsked: () => {},
    }),
    async addWorker(name, maxBuilds = null) {
      const [worker] = await db.rows<{ id: WorkerId }>(
        `insert into worker (org_id, name, login_name, kind, config, sealed_password, max_builds)
         values (1, $1, $1, 'Worker', '{}', $2, $3) returning id`,
        [name, Buffer.from("pass"), maxBuilds],
      );
      return (worker as { id: WorkerId }).id;
    },
    async addBuilder(name, workers, steps) {
      const [builder] = await db.rows<{ id: BuilderId }>(
        "insert into builder (org_id, name, builddir) values (1, $1, $1) returning id",
        [name],
      );
      const { id } = builder as { id: BuilderId };
      await db.rows(
        `with c as (insert into builder_config (org_id, builder_id, hash, config) values (1, $1, 'x', $2) returning id)
         update builder set current_config_id = (select id from c) where id = $1`,
        [id, JSON.stringify({ name, builddir: name, steps })],
      );
      await db.rows(
        "insert into builder_worker (org_id, builder_id, worker_id) select 1, $1, unnest($2::bigint[])",
        [id, workers],
      );
      return id;
    },
    async socket() {
      const alarm = (id: string) => alarms.add(id);
      const made = await socketProcess(db, url, wake, alarm, async (owner, session, isSame) => {
        const other = sockets.get(owner);
        return other?.line.state === "up" ? other.sessions.judge(session, isSame) : "no answer";
      });
      sockets.set(made.id, made);
      return made;
    },
    told(owner) {
      sockets.get(owner)?.told("");
      sockets.get(owner)?.told("stop");
    },
    async force(builderId, priority = 0) {
      const { requestIds } = await rig.commands.force(CALLER, {
        builderId,
        reason: "test",
        owner: null,
        properties: {},
        branch: null,
        revision: null,
        repository: null,
        project: null,
        codebase: null,
        priority,
        idempotencyKey: null,
      });
      return requestIds[builderId] as BuildRequestId;
    },
    distribute: () => distributeOnce(CALLER.orgId),
    sweep: () =>
      sweep({
        db,
        actor: "jobs 1",
        distribute: async (orgId) => {
          if (rig.isDistributing) await distributeOnce(orgId);
        },
        announce,
        tell: tell("stop"),
        log: () => {},
      }),
    build: (requestId, condition = () => true) =>
      until(async () => {
        const last = (await rig.builds(requestId)).at(-1);
        return last && condition(last) ? last : null;
      }),
    builds: (requestId) =>
      db.rows("select * from build where build_request_id = $1 order by id", [requestId]),
    steps: (buildId) =>
      db.rows("select * from step where build_id = $1 order by number", [buildId]),
    request: async (requestId) =>
      only(await db.rows("select state, result from build_request where id = $1", [requestId])),
    async close() {
      rig.isDistributing = false;
      for (const socket of sockets.values()) if (socket.line.state === "up") await socket.stop();
      await merged();
      await web.end();
      await db.end();
      await testDatabase.drop();
    },
  };
  return rig;
}

function cuttable(db: Queryable): Line {
  const line: Line = {
    state: "up",
    loseAnswerOf: null,
    before: null,
    async rows<R>(statement: Parameters<Queryable["rows"]>[0], values?: readonly unknown[]) {
      const text = typeof statement === "string" ? statement : statement.text;
      await line.before?.(text);
      if (line.state === "dead") return new Promise<R[]>(() => {});
      if (line.state === "away") {
        throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
      }
      const rows = await db.rows<R>(statement, values);
      if ((line.state as string) === "dead") return new Promise<R[]>(() => {});
      if (line.loseAnswerOf?.test(text)) {
        line.loseAnswerOf = null;
        throw new Error("Connection terminated unexpectedly");
      }
      return rows;
    },
  };
  return line;
}

async function socketProcess(
  db: Queryable,
  url: string,
  wake: () => void,
  alarm: (id: string, afterMs: number) => void,
  ask: SessionsContext["ask"],
): Promise<SocketProcess> {
  const [row] = await db.rows<{ id: ProcessId }>(
    `insert into process (kind, host, pid, lease_expires_at, ready_at)
     values ('socket', 'test', 1, now() + interval '1 hour', now()) returning id`,
  );
  const { id } = row as { id: ProcessId };
  const line = cuttable(db);
  const fenced = new AbortController();
  const logs: string[] = [];
  const log = (message: string, fields: Record<string, unknown> = {}) => {
    const { error } = fields;
    logs.push(error instanceof Error ? `${message}: ${error.message}` : message);
  };
  const insist = createInsist({ fenced: fenced.signal, onRetry: () => {} });
  const locksMoved = new LocksMoved();
  const bus = openBus(url, () => {});
  await bus.listen(LOCKS, () => locksMoved.tell());
  const logIds = new LogIds(line);
  const writer = new LogWriter(line);
  const protocol = createNullProtocol();
  let builds: Builds | null = null;
  const sessions = createSessions({
    db: line,
    processId: id,
    unseal: (sealed) => sealed.toString(),
    wake,
    announce: () => {},
    alarm,
    ask,
    attached: (session) => void builds?.attached(session),
    see: () => {},
    machineHere: ({ workerId }) =>
      void machineHere(
        {
          db: line,
          actor: `socket ${id}`,
          announce: () => {},
          tell: () => void made.look(),
          log,
          insist,
        },
        workerId,
      ),
    busy: (session) => builds?.busy(session) ?? 0,
    bound: (session) => builds?.bound(session) ?? 0,
    log,
    insist,
  });
  builds = createBuilds({
    db: line,
    processId: id,
    actor: `socket ${id}`,
    steps,
    secrets: databaseSecrets(line, RIG_KEY),
    publicUrl: "http://localhost:8010",
    nextLogId: () => logIds.next(),
    openLog: (build, { logId, stepId, name, slug, type, redactor, stored }) =>
      writer.open(
        {
          logId,
          orgId: build.orgId,
          buildId: build.buildId,
          stepId,
          name,
          slug,
          type,
          logCreatedAt: stored?.createdAt ?? new Date(),
        },
        build,
        { redactor, ...(stored ? { again: stored } : {}) },
      ),
    connectionOf: (session) => sessions.get(session)?.connection ?? null,
    keepsOf: (session) => sessions.get(session)?.keeps,
    serves: sessions.serves,
    left: sessions.left,
    ended: (session) => {
      if (session !== null) sessions.buildEnded(session);
    },
    announce: () => {},
    announceSoon: () => {},
    locksMoved,
    alarm,
    wake,
    log,
    insist,
  });
  const made = builds;
  const door: Listening = await protocol.listen(sessions.door, {
    host: "127.0.0.1",
    port: 0,
    loginTimeoutMs: 30_000,
  });
  const socket: SocketProcess = {
    id,
    line,
    sessions,
    builds: made,
    logs,
    async tryConnect(name, options = {}) {
      const outcome = await protocol.connect(door.port, { name, password: "pass", ...options });
      return outcome.accepted ? outcome.worker : null;
    },
    async connect(name, options) {
      const worker = await socket.tryConnect(name, options);
      if (!worker) throw new Error(`worker ${name} was refused: ${logs.at(-1)}`);
      return worker;
    },
    told(payload) {
      if (payload === "") void made.look();
      else {
        void made.obeyStops();
        void sessions.obey();
      }
    },
    async handOver() {
      door.stopAccepting();
      await sessions.letGo(made.look);
      await made.idle();
    },
    async stop() {
      await door.close();
      await made.idle();
      await until(() => sessions.count() === 0);
      await writer.flush();
      await bus.close();
      await db.rows("update process set gone_at = now() where id = $1", [id]);
    },
    async die() {
      line.state = "dead";
      fenced.abort();
      writer.abort();
      await bus.close();
      await db.rows("update process set gone_at = now() where id = $1", [id]);
    },
  };
  return socket;
}
