/**
 * The workers connected to this process.
 *
 * A connection may be lost at any moment, also while its worker is being attached. Its row is ended
 * after the attaching has come to its own end, so that the end is always the last word.
 */
import { setTimeout as sleep, setImmediate as soon } from "node:timers/promises";
import { gather } from "../../db/gather";
import type { Queryable } from "../../db/pool";
import type { OrgId, ProcessId, SessionId, WorkerId } from "../../domain/ids";
import { mergeCalls } from "../../events/merge-calls";
import type {
  Admission,
  CloseReason,
  Hello,
  WorkerDoor,
  WorkerSession,
} from "../../protocols/contract";
import { SessionLost } from "../../protocols/contract";
import { missingAlarm } from "../deadlines";
import { noteTestLogin, TEST_LOGIN } from "../try-driver/store";
import { ARBITRATION_MS, type ArbitrationContext, arbitrate, type Verdict } from "./arbitrate";
import { createLogin, isAllowed } from "./login";
import {
  type Attaching,
  areWanted,
  attachSessions,
  buildersOf,
  connectionOptions,
  drainSession,
  type Ending,
  endSessions,
  holderOf,
  type KnownWorker,
  notePresence,
  openSessions,
  type Proven,
  releaseSessions,
  requestedEnds,
} from "./session-store";
import { whyRefused } from "./why-refused";

/** Between a row that is made and the answer that says so. */
const UNHEARD_MS = 1_000;
const STOPPING = "the server is stopping; there is another";
const SILENT: CloseReason = {
  code: "timeout",
  message: "did not answer while another connection came",
};
const REPLACED: CloseReason = {
  code: "replaced",
  message: "the same worker process came again",
};
/** A worker told to exit at once that is still connected then is dropped. */
const KILL_MS = 10_000;

export interface LiveSession {
  readonly id: SessionId;
  readonly workerId: WorkerId;
  readonly orgId: OrgId;
  readonly workerName: string;
  readonly connection: WorkerSession;
  /** The mark of a worker process that keeps its commands; null for others. */
  readonly keeps: string | null;
}

interface Served {
  /** Names of the builders the worker was last told of. */
  builders: ReadonlySet<string>;
}

interface Held {
  readonly connection: WorkerSession;
  /** Settles when the row is ended. */
  readonly ended: Promise<void>;
}

export interface SessionsContext {
  readonly db: Queryable;
  readonly processId: ProcessId;
  readonly unseal: (sealed: Buffer) => string;
  /** Requests of this organisation may find a worker now. */
  readonly wake: (orgId: OrgId) => void;
  /** Tell browsers and others that the outbox has news. */
  readonly announce: () => void;
  /** Has another process judge a session of its own. */
  readonly ask: (owner: ProcessId, session: SessionId, isSame: boolean) => Promise<Verdict>;
  /** A worker counts as connected from here on. */
  readonly attached: (session: LiveSession) => void;
  /** The machine of a latent worker has logged in: those who wait for it may begin. */
  readonly machineHere: (session: LiveSession) => void;
  /** The machine of a latent worker came, went, or has a build less: somebody should look at it. */
  readonly see: (workerId: WorkerId) => void;
  /** A machine that was made to test a driver's settings has logged in. */
  readonly testLoggedIn?: () => void;
  /** Somebody should look at the fleet's deadlines then; of alarms with one id one is enough. */
  readonly alarm: (id: string, afterMs: number) => void;
  /** Builds running on a session, for draining. */
  readonly busy: (sessionId: SessionId) => number;
  /** Those of them that would end with it; the others are carried on over the worker's next one. */
  readonly bound: (sessionId: SessionId) => number;
  readonly log: (message: string, fields: Record<string, unknown>) => void;
  /** Runs until it succeeds or this process is fenced; for what must not be forgotten. */
  readonly insist: <T>(what: string, work: () => Promise<T>) => Promise<T>;
}

export interface Sessions {
  readonly door: WorkerDoor;
  get(id: SessionId): LiveSession | undefined;
  count(): number;
  /** The worker is told of this builder unless it knows it. Rejects like `WorkerSession.serve`. */
  serves(id: SessionId, builderName: string): Promise<void>;
  /** Settles when a session whose connection is gone is ended in the database too. */
  left(id: SessionId): Promise<void>;
  /** The builder lists of this organisation's workers may have changed; null: of all. Never rejects. */
  reconfigure(orgId: OrgId | null): Promise<void>;
  /** Drain or kill what was asked for. Never rejects. */
  obey(): Promise<void>;
  /** Whether a session of this process lives; one that does not, or is the same worker's, is ended. */
  judge(id: SessionId, isSame: boolean): Promise<Verdict>;
  /**
   * This process is to stop: no more logins, no more builds than `look` finds claimed, and each
   * worker is let go when it has none here, so that it goes to another process. Never rejects.
   */
  letGo(look: () => Promise<void>): Promise<void>;
  /** Writes when each worker was last heard of. Never rejects. */
  noteHeard(): Promise<void>;
  /** A build on this session ended: a draining worker may be done now. */
  buildEnded(id: SessionId): void;
  closeAll(reason: CloseReason): void;
}

export function createSessions(context: SessionsContext): Sessions {
  const { db, log } = context;
  /** Every open row of ours, attached or on the way to it, and what becomes of its end. */
  const held = new Map<SessionId, Held>();
  const live = new Map<SessionId, LiveSession & Served>();
  const killed = new Set<SessionId>();
  const draining = new Set<SessionId>();
  /** Sessions of latent workers, until their last build here is over. */
  const machines = new Map<SessionId, WorkerId>();
  /** Of the builder lists: one that was read before must be read again. */
  let configurations = 0;
  let isLettingGo = false;
  let heardUntil = Date.now();

  const login = createLogin(context);
  const options = gather((workers: readonly WorkerId[]) => connectionOptions(db, workers));
  const open = gather((hellos: readonly Proven[]) => openSessions(db, context.processId, hellos));
  const builders = gather((workers: readonly WorkerId[]) => buildersOf(db, workers));
  const attached = gather((attaching: readonly Attaching[]) => attachSessions(db, attaching));
  const wanted = gather((workers: readonly WorkerId[]) => areWanted(db, workers));
  const ended = gather((endings: readonly Ending[]) => endSessions(db, endings));
  const end = async (ending: Ending) => {
    const afterMs = await ended(ending);
    if (afterMs !== null) context.alarm(...missingAlarm(afterMs, Date.now()));
  };
  const judges: ArbitrationContext = {
    processId: context.processId,
    open,
    holderOf: (worker) => holderOf(db, worker),
    end,
    judge,
    ask: context.ask,
  };

  async function admit(hello: Hello, connection: WorkerSession): Promise<Admission> {
    const generation = login.succeeded(hello.peer, hello.loginName);
    if (isLettingGo) return refuse(STOPPING);
    if (TEST_LOGIN.test(hello.loginName)) return refuse(await welcomeTest(hello, connection));
    const before = configurations;
    const opened = await arbitrate(judges, { ...hello, generation }, connection);
    if ("refusal" in opened) return refuse(opened.refusal);
    const { sessionId, worker } = opened;
    const attaching = attach(worker, sessionId, hello, connection).then((session) => {
      if (!("refusal" in session) && configurations !== before) void refresh(session);
      return session;
    });
    // The row is open: whatever happens, it is ended when the connection is.
    const ended = connection.closed.then(async (reason) => {
      await attaching.catch(() => {});
      await detach(sessionId, worker, reason);
    });
    held.set(sessionId, { connection, ended });
    const session = await attaching;
    if ("refusal" in session) {
      // Both sides are to say why, in the same words.
      connection.say?.(session.refusal);
      return refuse(session.refusal);
    }
    if (isLettingGo) return refuse(STOPPING);
    return { admitted: true, onDrainRequested: () => void drain(worker, sessionId) };
  }

  /** It is no worker, and gets no session: that it came is all that was to be seen. */
  async function welcomeTest(hello: Hello, connection: WorkerSession): Promise<string> {
    const { version, system } = await connection.describe();
    await noteTestLogin(db, hello.loginName, `version ${version}, ${system}, by ${hello.protocol}`);
    context.testLoggedIn?.();
    return "it was made for a test of settings, which has seen its login";
  }

  /** Refused when the session was ended meanwhile, or nobody awaits it; rejects when the connection was lost */
  async function attach(
    worker: KnownWorker,
    sessionId: SessionId,
    hello: Hello,
    connection: WorkerSession,
  ): Promise<(LiveSession & Served) | { readonly refusal: string }> {
    const facts = await connection.describe();
    const session: LiveSession & Served = {
      id: sessionId,
      workerId: worker.id,
      orgId: worker.orgId,
      workerName: worker.name,
      connection,
      keeps: facts.keeps,
      builders: new Set(),
    };
    await Promise.all([serve(session), follow(session)]);
    // Before the row says that it is connected: a build may come for it at once.
    live.set(sessionId, session);
    const became = await attached({ workerId: worker.id, sessionId, facts });
    if (!became) {
      live.delete(sessionId);
      return { refusal: await whyRefused(db, worker.id, sessionId, facts.environ) };
    }
    log("worker attached", {
      worker: worker.name,
      version: facts.version,
      protocol: hello.protocol,
      peer: hello.peer.address,
    });
    context.announce();
    context.attached(session);
    if (became.isLatent) {
      machines.set(sessionId, worker.id);
      context.machineHere(session);
    }
    void offer(worker);
    return session;
  }

  /** Whoever waits for this worker is told; mostly nobody does, and that costs no job. */
  async function offer({ id, orgId }: KnownWorker): Promise<void> {
    try {
      if (!(await wanted(id))) return;
    } catch (error) {
      log("waiting requests not looked for", { error });
    }
    context.wake(orgId);
  }

  async function serve(session: LiveSession & Served): Promise<void> {
    const served = await builders(session.workerId);
    await session.connection.serve(served);
    session.builders = new Set(served.map(({ name }) => name));
  }

  /** Whether a connection of ours lives; one that does not, or is replaced, is ended. */
  async function judge(id: SessionId, isSame: boolean): Promise<Verdict> {
    // Its row may have been seen before we heard that it is made.
    if (!held.has(id)) await sleep(UNHEARD_MS);
    const session = held.get(id);
    if (!session) {
      await end({ sessionId: id, reason: "its connection is not known to its process" });
      return "gone";
    }
    const { connection } = session;
    if (!isSame && (await connection.ping(ARBITRATION_MS))) return "alive";
    connection.close(isSame ? REPLACED : SILENT);
    await session.ended;
    return "gone";
  }

  function refuse(reason: string): Admission {
    return { admitted: false, reason };
  }

  async function detach(
    sessionId: SessionId,
    worker: KnownWorker,
    reason: CloseReason,
  ): Promise<void> {
    live.delete(sessionId);
    draining.delete(sessionId);
    killed.delete(sessionId);
    log("worker detached", { worker: worker.name, reason: reason.message });
    try {
      await context.insist("end of session", () => end({ sessionId, reason: reason.message }));
      context.announce();
    } catch (error) {
      // Fenced: whoever takes over ends it.
      log("session not ended", { worker: worker.name, error });
    }
    held.delete(sessionId);
    seeMachine(sessionId);
  }

  function seeMachine(id: SessionId): void {
    const workerId = machines.get(id);
    if (workerId === undefined) return;
    context.see(workerId);
    if (!held.has(id) && context.busy(id) === 0) machines.delete(id);
  }

  async function drain(worker: KnownWorker, sessionId: SessionId): Promise<void> {
    log("worker asks to be drained", { worker: worker.name });
    draining.add(sessionId);
    try {
      await context.insist("drain", () => drainSession(db, worker.id, sessionId));
      context.announce();
    } catch (error) {
      log("drain not written", { worker: worker.name, error });
    }
    finishDrain(sessionId);
  }

  /** The worker exits; one that does not is dropped. */
  function kill(session: LiveSession): void {
    if (killed.has(session.id)) return;
    killed.add(session.id);
    const { connection } = session;
    connection.shutdown().catch(() => {});
    const timer = setTimeout(() => {
      connection.close({ code: "dropped-by-us", message: "did not exit when it was told to" });
    }, KILL_MS);
    void connection.closed.then(() => clearTimeout(timer));
  }

  function finishDrain(sessionId: SessionId): void {
    const session = live.get(sessionId);
    if (session && draining.has(sessionId) && context.busy(sessionId) === 0) {
      void session.connection.shutdown().catch(() => {});
    }
  }

  function letGoIfIdle(id: SessionId): void {
    if (!isLettingGo || draining.has(id) || context.bound(id) > 0) return;
    live.get(id)?.connection.close({ code: "shutting-down", message: STOPPING });
  }

  /** What the configuration says of a connection, or that there is to be none. */
  async function follow({ workerId, connection }: LiveSession): Promise<void> {
    const wanted = await options(workerId);
    const { address } = connection.hello.peer;
    const problem = !wanted
      ? "removed from configuration"
      : isAllowed(address, wanted.allowedAddresses)
        ? null
        : `${address} is no longer in allowed_addresses`;
    if (problem === null) connection.keepAliveEvery(wanted?.keepaliveSeconds ?? null);
    else connection.close({ code: "dropped-by-us", message: problem });
  }

  /** The configuration as it is now; never rejects. */
  async function refresh(session: LiveSession & Served): Promise<void> {
    try {
      await context.insist("worker of a session", () => follow(session));
      await context.insist("builders of a session", () => serve(session));
    } catch (error) {
      log("builder list not sent", { worker: session.workerName, error });
    }
  }

  return {
    door: { credentials: login.credentials, admit, refused: login.refused },
    get: (id) => live.get(id),
    count: () => live.size,
    async serves(id, builderName) {
      const session = live.get(id);
      if (!session) throw new SessionLost("the worker is not connected");
      if (!session.builders.has(builderName)) await serve(session);
    },
    async left(id) {
      const session = held.get(id);
      if (!session) {
        // Not here, so gone; that its row says so is all that is left to do.
        const reason = "its connection is not known to its process";
        await context.insist("end of session", () => end({ sessionId: id, reason }));
        return;
      }
      const isClosed = session.connection.closed.then(() => true);
      if (await Promise.race([isClosed, soon(false)])) await session.ended;
    },
    async reconfigure(orgId) {
      configurations += 1;
      const concerned = [...live.values()].filter(
        (session) => orgId === null || session.orgId === orgId,
      );
      await Promise.all(concerned.map(refresh));
    },
    obey: mergeCalls(
      async () => {
        for (const { sessionId, how } of await requestedEnds(db, context.processId)) {
          const session = live.get(sessionId);
          if (!session) continue;
          if (how === "kill") kill(session);
          else draining.add(sessionId);
          finishDrain(sessionId);
        }
      },
      (error) => log("sessions not looked at", { error }),
    ),
    judge,
    async letGo(look) {
      isLettingGo = true;
      try {
        await context.insist("no more builds", () => releaseSessions(db, context.processId));
        await look();
      } catch (error) {
        log("sessions not released", { error });
      }
      for (const id of live.keys()) letGoIfIdle(id);
    },
    async noteHeard() {
      const since = heardUntil;
      heardUntil = Date.now();
      const heard = [...live.values()].filter(({ connection }) => connection.lastHeardAt >= since);
      if (heard.length === 0) return;
      const ages = heard.map(({ connection }) => (heardUntil - connection.lastHeardAt) / 1_000);
      const workers = heard.map(({ workerId }) => workerId);
      await notePresence(db, workers, ages).catch((error: unknown) =>
        log("last signs of life not written", { error }),
      );
    },
    buildEnded(id) {
      finishDrain(id);
      letGoIfIdle(id);
      seeMachine(id);
    },
    closeAll(reason) {
      for (const session of [...live.values()]) session.connection.close(reason);
    },
  };
}
