/**
 * A worker protocol without a wire, for tests of what stands on top of one.
 *
 *     const protocol = createNullProtocol();
 *     const listening = await protocol.listen(door, options);
 *     const outcome = await protocol.connect(listening.port, { name: "w1", password: "pass" });
 *     if (outcome.accepted) outcome.worker.behaviour = scripted({ stdout: "hi\n" }, { rc: 0 });
 *
 * It keeps the order of the contract (password, `admit`, then commands) and the conformance suite.
 * It sends no keepalives and has no limits of its own: there is nobody hostile in memory.
 */
import {
  type Admission,
  type Listening,
  type ListenOptions,
  LoginRefused,
  type Peer,
  type WorkerDoor,
  type WorkerProtocol,
} from "../contract";
import type { NullWorkerOptions } from "./worker";
import { NullWorker } from "./worker";

export * from "./script";
export { NullWorker, type NullWorkerOptions } from "./worker";

export type ConnectOutcome =
  | { readonly accepted: true; readonly worker: NullWorker }
  /** What a worker learns of a refusal: nothing. */
  | { readonly accepted: false };

export interface NullProtocol extends WorkerProtocol {
  /** A worker logs in. Rejects when nobody listens on that port. */
  connect(port: number, options: NullWorkerOptions): Promise<ConnectOutcome>;
}

interface Port {
  readonly door: WorkerDoor;
  readonly options: ListenOptions;
  readonly workers: Set<NullWorker>;
}

export function createNullProtocol(now: () => number = Date.now): NullProtocol {
  const ports = new Map<number, Port>();
  let lastPort = 0;
  return {
    name: "null",
    async listen(door, options): Promise<Listening> {
      const port = options.port === 0 ? ++lastPort : options.port;
      if (ports.has(port)) throw new Error(`port ${port} is in use`);
      const workers = new Set<NullWorker>();
      ports.set(port, { door, options, workers });
      return {
        port,
        stopAccepting: () => void ports.delete(port),
        async close() {
          ports.delete(port);
          for (const worker of workers) {
            worker.close({ code: "shutting-down", message: "the server is stopping" });
          }
        },
      };
    },
    async connect(number, options) {
      const port = ports.get(number);
      if (port === undefined) throw new Error(`nobody listens on port ${number}`);
      return logIn(port, options, now);
    },
  };
}

async function logIn(
  { door, options, workers }: Port,
  worker: NullWorkerOptions,
  now: () => number,
): Promise<ConnectOutcome> {
  const peer = { address: worker.address ?? "127.0.0.1", port: 0 };
  const passwords = await credentials(door, worker.name, peer);
  if (passwords === "refused") return { accepted: false };
  if (passwords === null || !passwords.includes(worker.password)) {
    const reason = passwords === null ? "unknown-name" : "wrong-password";
    door.refused(reason, peer, worker.name, "");
    return { accepted: false };
  }
  const session = new NullWorker({ loginName: worker.name, protocol: "null", peer }, worker, now);
  workers.add(session);
  void session.closed.then(() => workers.delete(session));
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    door.refused("timeout", peer, worker.name, "the login took too long");
    session.close({ code: "timeout", message: "the login took too long" });
  }, options.loginTimeoutMs);
  const admission = await decide(door, session);
  clearTimeout(timer);
  if (isLate) return { accepted: false };
  if (!admission.admitted) {
    door.refused("not-admitted", peer, worker.name, admission.reason);
    session.close({ code: "dropped-by-us", message: admission.reason });
    return { accepted: false };
  }
  session.attached(admission);
  return { accepted: true, worker: session };
}

async function credentials(door: WorkerDoor, name: string, peer: Peer) {
  try {
    return await door.credentials(name, peer);
  } catch (error) {
    if (!(error instanceof LoginRefused)) throw error;
    door.refused(error.reason, peer, name, error.message);
    return "refused";
  }
}

/** A door that fails admits nobody. */
async function decide(door: WorkerDoor, session: NullWorker): Promise<Admission> {
  try {
    return await door.admit(session.hello, session);
  } catch (error) {
    return { admitted: false, reason: error instanceof Error ? error.message : String(error) };
  }
}
