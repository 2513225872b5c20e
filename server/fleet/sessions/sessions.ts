/**
 * The workers connected to this process.
 *
 * A worker that says its name while it is connected already is arbitrated (W-020): the old
 * connection is asked for a sign of life; if it answers, the new one is turned away and comes
 * again; if not, the old one is dropped. A connection held by a process that is gone counts as
 * dead at once; one held by a living process is that process's to check.
 */
import type { Queryable } from "../../db/pool";
import type { OrgId, ProcessId, SessionId, WorkerId } from "../../domain/ids";
import type {
  Admission,
  CloseReason,
  Hello,
  Peer,
  RefusalReason,
  WorkerDoor,
  WorkerSession,
} from "../../protocols/contract";
import {
  attachSession,
  buildersOf,
  endSession,
  findByLogin,
  type KnownWorker,
  openSession,
  recordDoorEvent,
  requestedEnds,
} from "./session-store";

const ARBITRATION_MS = 10_000;
/** Refusals written per peer address and minute; beyond that they are only logged. */
const REFUSALS_PER_MINUTE = 20;

export interface LiveSession {
  readonly id: SessionId;
  readonly workerId: WorkerId;
  readonly orgId: OrgId;
  readonly workerName: string;
  readonly connection: WorkerSession;
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
  readonly askToCheck: (owner: ProcessId) => void;
  /** Builds running on a session, for draining. */
  readonly busy: (sessionId: SessionId) => number;
  readonly log: (message: string, fields: Record<string, unknown>) => void;
  /** Runs until it succeeds or this process is fenced; for what must not be forgotten. */
  readonly insist: (what: string, work: () => Promise<void>) => Promise<void>;
}

export interface Sessions {
  readonly door: WorkerDoor;
  get(id: SessionId): LiveSession | undefined;
  count(): number;
  /** The builder list of this organisation's workers may have changed. */
  reconfigure(orgId: OrgId | null): Promise<void>;
  /** Drain or kill what was asked for; check whether each of ours still answers when `ping`. */
  obey(options: { ping: boolean }): Promise<void>;
  /** A build on this session ended: a draining worker may be done now. */
  buildEnded(id: SessionId): void;
  closeAll(reason: CloseReason): void;
}

export function createSessions(context: SessionsContext): Sessions {
  const { db, log } = context;
  const live = new Map<SessionId, LiveSession>();
  const draining = new Set<SessionId>();
  const refusals = new Map<string, number>();
  let refusalsSince = Date.now();

  async function credentials(loginName: string): Promise<readonly string[] | null> {
    const worker = await findByLogin(db, loginName);
    if (!worker) return null;
    return worker.sealedPassword ? [context.unseal(worker.sealedPassword)] : [];
  }

  async function admit(hello: Hello, connection: WorkerSession): Promise<Admission> {
    const worker = await findByLogin(db, hello.loginName);
    if (!worker) return refuse("it was removed while logging in");
    const opened = await arbitrate(worker, hello);
    if ("refusal" in opened) return refuse(opened.refusal);
    const { sessionId } = opened;
    // From here on the row is open: whatever happens, it is ended when the connection is.
    void connection.closed.then((reason) => detach(sessionId, worker, reason));
    const facts = await connection.describe();
    await connection.serve(await buildersOf(db, worker.id));
    live.set(sessionId, {
      id: sessionId,
      workerId: worker.id,
      orgId: worker.orgId,
      workerName: worker.name,
      connection,
    });
    await attachSession(db, worker, sessionId, facts);
    log("worker attached", {
      worker: worker.name,
      version: facts.version,
      protocol: hello.protocol,
      peer: hello.peer.address,
    });
    context.announce();
    context.wake(worker.orgId);
    return { admitted: true, onDrainRequested: () => void drain(worker, sessionId) };
  }

  async function arbitrate(
    worker: KnownWorker,
    hello: Hello,
  ): Promise<{ sessionId: SessionId } | { refusal: string }> {
    for (;;) {
      const opened = await openSession(db, worker, context.processId, hello);
      if ("sessionId" in opened) return opened;
      const { holder } = opened;
      if (holder.isOrphan) {
        await endSession(db, holder.sessionId, "its process is gone");
        continue;
      }
      if (holder.processId !== context.processId) {
        context.askToCheck(holder.processId);
        return { refusal: `it is connected already, from ${holder.peer}` };
      }
      const old = live.get(holder.sessionId);
      if (old && (await old.connection.ping(ARBITRATION_MS))) {
        return { refusal: `it is connected already, from ${holder.peer}` };
      }
      old?.connection.close({ code: "timeout", message: "did not answer while another connected" });
      await endSession(db, holder.sessionId, "did not answer while another connection came");
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
    log("worker detached", { worker: worker.name, reason: reason.message });
    await context.insist("end of session", () => endSession(db, sessionId, reason.message));
    context.announce();
  }

  async function drain(worker: KnownWorker, sessionId: SessionId): Promise<void> {
    log("worker asks to be drained", { worker: worker.name });
    await context.insist("drain", async () => {
      await db.rows("update worker set is_draining = true where id = $1 and session_id = $2", [
        worker.id,
        sessionId,
      ]);
    });
    draining.add(sessionId);
    finishDrain(sessionId);
  }

  function finishDrain(sessionId: SessionId): void {
    const session = live.get(sessionId);
    if (session && draining.has(sessionId) && context.busy(sessionId) === 0) {
      void session.connection.shutdown().catch(() => {});
    }
  }

  function refused(reason: RefusalReason, peer: Peer, loginName: string | null, detail: string) {
    log("worker refused", { reason, peer: peer.address, loginName, detail });
    if (Date.now() - refusalsSince > 60_000) {
      refusals.clear();
      refusalsSince = Date.now();
    }
    const count = (refusals.get(peer.address) ?? 0) + 1;
    refusals.set(peer.address, count);
    if (count > REFUSALS_PER_MINUTE) return;
    const name = loginName === null ? null : printable(loginName);
    const event = { loginName: name, peer: peer.address, reason, detail: printable(detail) };
    recordDoorEvent(db, event).catch((error: unknown) => log("door event not written", { error }));
  }

  return {
    door: { credentials, admit, refused },
    get: (id) => live.get(id),
    count: () => live.size,
    async reconfigure(orgId) {
      for (const session of live.values()) {
        if (orgId !== null && session.orgId !== orgId) continue;
        const [known] = await db.rows<{ removed: boolean }>(
          "select removed_at is not null as removed from worker where id = $1",
          [session.workerId],
        );
        if (!known || known.removed) {
          session.connection.close({
            code: "dropped-by-us",
            message: "removed from configuration",
          });
          continue;
        }
        try {
          await session.connection.serve(await buildersOf(db, session.workerId));
        } catch (error) {
          log("builder list not sent", { worker: session.workerName, error });
        }
      }
    },
    async obey({ ping }) {
      for (const { sessionId, how } of await requestedEnds(db, context.processId)) {
        const session = live.get(sessionId);
        if (!session) continue;
        if (how === "kill") void session.connection.shutdown().catch(() => {});
        else draining.add(sessionId);
        finishDrain(sessionId);
      }
      if (!ping) return;
      for (const session of [...live.values()]) {
        void session.connection.ping(ARBITRATION_MS).then((answered) => {
          if (answered) return;
          session.connection.close({ code: "timeout", message: "did not answer a ping" });
        });
      }
    },
    buildEnded: finishDrain,
    closeAll(reason) {
      for (const session of [...live.values()]) session.connection.close(reason);
    },
  };
}

/** Text from a peer, for a row or a log line: bounded, without control characters. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "\uFFFD").slice(0, 200);
}
