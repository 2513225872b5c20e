/**
 * The workers connected to this process.
 *
 * A worker that says its name while it is connected already is arbitrated (W-020): the old
 * connection is asked for a sign of life; if it answers, the new one is turned away and comes
 * again; if not, the old one is dropped. A connection held by a process that is gone counts as
 * dead at once; one held by a living process is that process's to check.
 *
 * A connection may be lost at any moment, also while its worker is being attached. Its row is ended
 * after the attaching has come to its own end, so that the end is always the last word.
 */
import { setImmediate as soon } from "node:timers/promises";
import { gather } from "../../db/gather";
import type { Queryable } from "../../db/pool";
import { isWithin, rangeOf } from "../../domain/addresses";
import type { OrgId, ProcessId, SessionId, WorkerId } from "../../domain/ids";
import { mergeCalls } from "../../events/merge-calls";
import type {
  Admission,
  CloseReason,
  Hello,
  Peer,
  WorkerDoor,
  WorkerSession,
} from "../../protocols/contract";
import { LoginRefused, SessionLost } from "../../protocols/contract";
import { createDoorLog } from "./door-log";
import { FailedLogins } from "./failed-logins";
import {
  type Attaching,
  areWanted,
  attachSessions,
  buildersOf,
  type ConnectionOptions,
  connectionOptions,
  drainSession,
  type Ending,
  endSessions,
  findCredentials,
  holderOf,
  type KnownWorker,
  openSessions,
  recordDoorEvent,
  requestedEnds,
} from "./session-store";

const ARBITRATION_MS = 10_000;
/** A worker told to exit at once that is still connected then is dropped. */
const KILL_MS = 10_000;

export interface LiveSession {
  readonly id: SessionId;
  readonly workerId: WorkerId;
  readonly orgId: OrgId;
  readonly workerName: string;
  readonly connection: WorkerSession;
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
  /** Ask another process to see whether this session of its own is alive. */
  readonly askToCheck: (owner: ProcessId, session: SessionId) => void;
  /** Builds running on a session, for draining. */
  readonly busy: (sessionId: SessionId) => number;
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
  /** Drop the session if it does not answer a ping. */
  check(id: SessionId): Promise<void>;
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
  /** Of the builder lists: one that was read before must be read again. */
  let configurations = 0;

  const failedLogins = new FailedLogins(Date.now);
  const found = gather((names: readonly string[]) => findCredentials(db, names));
  const options = gather((workers: readonly WorkerId[]) => connectionOptions(db, workers));
  const open = gather((hellos: readonly Hello[]) => openSessions(db, context.processId, hellos));
  const builders = gather((workers: readonly WorkerId[]) => buildersOf(db, workers));
  const attached = gather((attaching: readonly Attaching[]) => attachSessions(db, attaching));
  const wanted = gather((workers: readonly WorkerId[]) => areWanted(db, workers));
  const end = gather((endings: readonly Ending[]) => endSessions(db, endings));

  async function credentials(loginName: string, peer: Peer): Promise<readonly string[] | null> {
    const problem = failedLogins.problem(peer.address, loginName);
    if (problem !== null) throw new LoginRefused("too-many-failures", problem);
    const worker = await found(loginName);
    if (!worker) return null;
    if (!isAllowed(peer.address, worker)) {
      throw new LoginRefused("address-not-allowed", `${peer.address} is not in allowed_addresses`);
    }
    return worker.sealed ? [context.unseal(worker.sealed)] : [];
  }

  async function admit(hello: Hello, connection: WorkerSession): Promise<Admission> {
    failedLogins.succeeded(hello.peer.address, hello.loginName);
    const before = configurations;
    const opened = await arbitrate(hello);
    if ("refusal" in opened) return refuse(opened.refusal);
    const { sessionId, worker } = opened;
    const attaching = attach(worker, sessionId, hello, connection).then((session) => {
      if (session !== null && configurations !== before) void refresh(session);
      return session !== null;
    });
    // The row is open: whatever happens, it is ended when the connection is.
    const ended = connection.closed.then(async (reason) => {
      await attaching.catch(() => {});
      await detach(sessionId, worker, reason);
    });
    held.set(sessionId, { connection, ended });
    if (!(await attaching)) return refuse("its session was ended while it was attaching");
    return { admitted: true, onDrainRequested: () => void drain(worker, sessionId) };
  }

  /** @returns null when the session was ended meanwhile; rejects when the connection was lost */
  async function attach(
    worker: KnownWorker,
    sessionId: SessionId,
    hello: Hello,
    connection: WorkerSession,
  ): Promise<(LiveSession & Served) | null> {
    const facts = await connection.describe();
    const session: LiveSession & Served = {
      id: sessionId,
      workerId: worker.id,
      orgId: worker.orgId,
      workerName: worker.name,
      connection,
      builders: new Set(),
    };
    await Promise.all([serve(session), follow(session)]);
    // Before the row says that it is connected: a build may come for it at once.
    live.set(sessionId, session);
    if (!(await attached({ workerId: worker.id, sessionId, facts }))) {
      live.delete(sessionId);
      return null;
    }
    log("worker attached", {
      worker: worker.name,
      version: facts.version,
      protocol: hello.protocol,
      peer: hello.peer.address,
    });
    context.announce();
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

  async function arbitrate(
    hello: Hello,
  ): Promise<{ sessionId: SessionId; worker: KnownWorker } | { refusal: string }> {
    for (;;) {
      const opened = await open(hello);
      if (!opened) return { refusal: "it was removed while logging in" };
      const { worker, sessionId } = opened;
      if (sessionId !== null) return { sessionId, worker };
      const holder = await holderOf(db, worker.id);
      // Ended between the two statements: try again.
      if (!holder) continue;
      if (holder.isOrphan) {
        await end({ sessionId: holder.sessionId, reason: "its process is gone" });
        continue;
      }
      if (holder.processId !== context.processId) {
        context.askToCheck(holder.processId, holder.sessionId);
        return { refusal: `it is connected already, from ${holder.peer}` };
      }
      const old = held.get(holder.sessionId)?.connection;
      if (old && (await old.ping(ARBITRATION_MS))) {
        return { refusal: `it is connected already, from ${holder.peer}` };
      }
      old?.close({ code: "timeout", message: "did not answer while another connected" });
      const reason = "did not answer while another connection came";
      await end({ sessionId: holder.sessionId, reason });
      context.announce();
    }
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

  /** What the configuration says of a connection, or that there is to be none. */
  async function follow({ workerId, connection }: LiveSession): Promise<void> {
    const wanted = await options(workerId);
    const { address } = connection.hello.peer;
    const problem = !wanted
      ? "removed from configuration"
      : isAllowed(address, wanted)
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

  const writeRefusal = createDoorLog({
    record: (event) => {
      recordDoorEvent(db, event).then(context.announce, (error: unknown) =>
        log("door event not written", { error }),
      );
    },
    log,
    now: Date.now,
  });

  const refused: WorkerDoor["refused"] = (reason, peer, loginName, detail) => {
    const isFailure = reason === "unknown-name" || reason === "wrong-password";
    if (isFailure && loginName !== null) failedLogins.failed(peer.address, loginName);
    writeRefusal(reason, peer, loginName, detail);
  };

  return {
    door: { credentials, admit, refused },
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
    async check(id) {
      const connection = held.get(id)?.connection;
      if (!connection || (await connection.ping(ARBITRATION_MS))) return;
      connection.close({ code: "timeout", message: "did not answer a ping" });
    },
    buildEnded: finishDrain,
    closeAll(reason) {
      for (const session of [...live.values()]) session.connection.close(reason);
    },
  };
}

function isAllowed(
  address: string,
  { allowedAddresses }: Pick<ConnectionOptions, "allowedAddresses">,
): boolean {
  if (allowedAddresses === null) return true;
  return isWithin(
    address,
    allowedAddresses.flatMap((range) => rangeOf(range) ?? []),
  );
}
