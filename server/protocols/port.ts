/**
 * A port that workers connect to, whatever they speak (protocol §1). A connection counts as a stranger's
 * until its worker is attached.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createSecureContext, TLSSocket } from "node:tls";
import { isWithin, networkOf } from "../domain/addresses";
import type { CloseReason, Listening, ListenOptions, Peer, WorkerDoor } from "./contract";
import type { Wire } from "./first-words";
import { plain } from "./proxy-header";
import { type StrangerLimits, Strangers } from "./strangers";
import { readTruePeer } from "./true-peer";

const TCP_KEEPALIVE_MS = 60_000;
const CLOSE_GRACE_MS = 1_000;
/** How long a proxy may take for a header that it has begun. */
const PROXY_HEADER_MS = 5_000;
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
    raw.on("error", () => {});
    const { remoteAddress, remotePort = 0 } = raw;
    // A port check that was reset before we came to it: there is nobody to tell of.
    if (remoteAddress === undefined) {
      raw.destroy();
      return;
    }
    const peer: Peer = { address: plain(remoteAddress), port: remotePort };
    raw.once("close", () => waiting.delete(raw));
    const turnAway = (from: Peer) => {
      raw.destroy();
      refused("too-many-connections", from, null, "too many connections not logged in");
    };
    if (waiting.size > limits.maxWaiting) {
      turnAway(peer);
      return;
    }
    waiting.add(raw);
    if (isWithin(peer.address, options.trustedProxies ?? [])) void unwrap(raw, peer, turnAway);
    else lineUp(raw, peer, 0, turnAway);
  });

  /** A proxy of ours says first whom it speaks for. */
  async function unwrap(raw: Socket, proxy: Peer, turnAway: (from: Peer) => void): Promise<void> {
    const patienceMs = Math.min(PROXY_HEADER_MS, options.loginTimeoutMs);
    const outcome = await readTruePeer(raw, proxy, patienceMs);
    if ("peer" in outcome) {
      lineUp(raw, outcome.peer, outcome.headerBytes, turnAway);
    } else {
      raw.destroy();
      refused("proxy-header", proxy, null, outcome.problem);
    }
  }

  function lineUp(
    raw: Socket,
    peer: Peer,
    headerBytes: number,
    turnAway: (from: Peer) => void,
  ): void {
    const stepOut = strangers.arrive({
      address: networkOf(peer.address),
      attend: () => begin(raw, peer, headerBytes),
      turnAway: () => turnAway(peer),
    });
    raw.once("close", stepOut);
  }

  function begin(raw: Socket, peer: Peer, headerBytes: number): void {
    waiting.delete(raw);
    let isStranger = true;
    const leave = () => {
      if (isStranger) strangers.leave(networkOf(peer.address));
      isStranger = false;
    };
    const isTls = secureContext !== null;
    const socket = isTls ? new TLSSocket(raw, { isServer: true, secureContext }) : raw;
    socket.once("close", leave);
    const wire: Wire = {
      get bytesRead() {
        return raw.bytesRead - headerBytes;
      },
    };
    const connection = serve(socket, { peer, isTls, wire, refused, onAttached: leave });
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
    stopAccepting: () => void server.close(),
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
