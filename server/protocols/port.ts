/**
 * A port that workers connect to, whatever they speak (protocol §1).
 *
 * A connection counts as a stranger's until its worker is attached. Strangers are few by limit, in all
 * and from one address, so that nobody keeps workers out by connecting often.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createSecureContext, TLSSocket } from "node:tls";
import type { CloseReason, Listening, ListenOptions, Peer, WorkerDoor } from "./contract";
import type { Wire } from "./first-words";

const TCP_KEEPALIVE_MS = 60_000;
const CLOSE_GRACE_MS = 1_000;
const STOPPING: CloseReason = { code: "shutting-down", message: "the server is stopping" };

export interface StrangerLimits {
  /** Connections that have not logged in, in all and from one address. */
  readonly maxStrangers: number;
  readonly maxStrangersPerAddress: number;
}

/** What a protocol makes of a socket. */
export interface PeerConnection {
  readonly closed: Promise<CloseReason>;
  close(reason: CloseReason): void;
}

/** What it needs for that, besides the socket. */
export interface Newcomer {
  readonly peer: Peer;
  readonly isTls: boolean;
  /** The socket below TLS. */
  readonly wire: Wire;
  /** The door's `refused`, made safe to call. */
  readonly refused: WorkerDoor["refused"];
  /** To be called once, when the worker is attached: it no longer counts as a stranger. */
  readonly onAttached: () => void;
}

export async function openPort(
  door: WorkerDoor,
  options: ListenOptions,
  limits: StrangerLimits,
  serve: (socket: Duplex, newcomer: Newcomer) => PeerConnection,
): Promise<Listening> {
  const secureContext = options.tls === undefined ? null : createSecureContext(options.tls);
  const connections = new Set<PeerConnection>();
  const strangers = new Strangers(limits);
  const refused: WorkerDoor["refused"] = (...told) => {
    try {
      door.refused(...told);
    } catch {
      // A log that fails must not end the process from within a socket's event.
    }
  };

  const server = createServer({
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEPALIVE_MS,
  });
  server.on("connection", (raw: Socket) => {
    const peer: Peer = { address: raw.remoteAddress ?? "", port: raw.remotePort ?? 0 };
    raw.on("error", () => {});
    if (!strangers.enter(peer.address)) {
      raw.destroy();
      refused("too-many-connections", peer, null, "too many connections not logged in");
      return;
    }
    let isStranger = true;
    const leave = () => {
      if (isStranger) strangers.leave(peer.address);
      isStranger = false;
    };
    const socket =
      secureContext === null ? raw : new TLSSocket(raw, { isServer: true, secureContext });
    socket.once("close", leave);
    const isTls = secureContext !== null;
    const connection = serve(socket, { peer, isTls, wire: raw, refused, onAttached: leave });
    connections.add(connection);
    void connection.closed.then(() => {
      connections.delete(connection);
      // A TLS socket whose handshake did not come to its end never ends by itself.
      const timer = setTimeout(() => raw.destroy(), CLOSE_GRACE_MS);
      raw.once("close", () => clearTimeout(timer));
    });
  });

  await started(server, options);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the port is not known");
  return {
    port: address.port,
    async close() {
      const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
      const open = [...connections];
      for (const connection of open) connection.close(STOPPING);
      await Promise.all(open.map((connection) => connection.closed));
      await stopped;
    },
  };
}

function started(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, () => {
      server.off("error", reject);
      // Running out of file descriptors, say, must not end the process; accepting goes on after it.
      server.on("error", () => {});
      resolve();
    });
  });
}

/** Counts connections that have not logged in. */
class Strangers {
  readonly #byAddress = new Map<string, number>();
  #count = 0;

  constructor(readonly limits: StrangerLimits) {}

  enter(address: string): boolean {
    const before = this.#byAddress.get(address) ?? 0;
    const { maxStrangers, maxStrangersPerAddress } = this.limits;
    if (this.#count >= maxStrangers || before >= maxStrangersPerAddress) return false;
    this.#count++;
    this.#byAddress.set(address, before + 1);
    return true;
  }

  leave(address: string): void {
    const before = this.#byAddress.get(address) ?? 0;
    this.#count--;
    if (before > 1) this.#byAddress.set(address, before - 1);
    else this.#byAddress.delete(address);
  }
}
