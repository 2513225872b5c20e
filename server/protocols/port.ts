/**
 * A port that workers connect to, whatever they speak (protocol §1). A connection counts as a stranger's
 * until its worker is attached.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createSecureContext, TLSSocket } from "node:tls";
import type { CloseReason, Listening, ListenOptions, Peer, WorkerDoor } from "./contract";
import type { Wire } from "./first-words";
import { type StrangerLimits, Strangers } from "./strangers";

const TCP_KEEPALIVE_MS = 60_000;
const CLOSE_GRACE_MS = 1_000;
const STOPPING: CloseReason = { code: "shutting-down", message: "the server is stopping" };

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
  /** Accepted, and not attended to yet. */
  const waiting = new Set<Socket>();
  const strangers = new Strangers(limits, options.loginTimeoutMs);
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
    waiting.add(raw);
    const stepOut = strangers.arrive({
      address: peer.address,
      attend: () => begin(raw, peer),
      turnAway() {
        waiting.delete(raw);
        raw.destroy();
        refused("too-many-connections", peer, null, "too many connections not logged in");
      },
    });
    raw.once("close", () => {
      waiting.delete(raw);
      stepOut();
    });
  });

  function begin(raw: Socket, peer: Peer): void {
    waiting.delete(raw);
    let isStranger = true;
    const leave = () => {
      if (isStranger) strangers.leave(peer.address);
      isStranger = false;
    };
    const isTls = secureContext !== null;
    const socket = isTls ? new TLSSocket(raw, { isServer: true, secureContext }) : raw;
    socket.once("close", leave);
    const connection = serve(socket, { peer, isTls, wire: raw, refused, onAttached: leave });
    connections.add(connection);
    void connection.closed.then(() => {
      connections.delete(connection);
      // A TLS socket whose handshake did not come to its end never ends by itself.
      const timer = setTimeout(() => raw.destroy(), CLOSE_GRACE_MS);
      raw.once("close", () => clearTimeout(timer));
    });
  }

  await started(server, options);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the port is not known");
  return {
    port: address.port,
    async close() {
      const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const raw of waiting) raw.destroy();
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
