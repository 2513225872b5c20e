/**
 * The port that workers connect to (protocol §1).
 *
 * A connection counts as a stranger's until its worker is attached. Strangers are few by limit, in all
 * and from one address, so that nobody keeps workers out by connecting often.
 */
import { createServer, type Server, type Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import type { CloseReason, Listening, ListenOptions, Peer, WorkerDoor } from "../contract";
import { attach } from "./attach";
import type { BrokerConnection } from "./connection";
import type { PbSettings } from "./settings";

const TCP_KEEPALIVE_MS = 60_000;
const CLOSE_GRACE_MS = 1_000;
const STOPPING: CloseReason = { code: "shutting-down", message: "the server is stopping" };

export async function listen(
  door: WorkerDoor,
  options: ListenOptions,
  settings: PbSettings,
): Promise<Listening> {
  const secureContext = options.tls === undefined ? null : createSecureContext(options.tls);
  const connections = new Set<BrokerConnection>();
  const strangers = new Strangers(settings);
  let lastCommandId = 0;
  const refused: WorkerDoor["refused"] = (...told) => {
    try {
      door.refused(...told);
    } catch {
      // A log that fails must not end the process from within a socket's event.
    }
  };
  const nextCommandId = () => String(++lastCommandId);

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
    const connection = attach(socket, peer, {
      isTls: secureContext !== null,
      wire: raw,
      door,
      refused,
      settings,
      loginTimeoutMs: options.loginTimeoutMs,
      keepaliveIntervalSeconds: options.keepaliveIntervalSeconds,
      nextCommandId,
      onAttached: leave,
    });
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

  constructor(readonly settings: PbSettings) {}

  enter(address: string): boolean {
    const before = this.#byAddress.get(address) ?? 0;
    const { maxStrangers, maxStrangersPerAddress } = this.settings;
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
