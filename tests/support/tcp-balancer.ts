/** A TCP load balancer in little: each connection goes to the first target that takes it. */
import { connect, createServer, type Socket } from "node:net";

export interface TcpBalancer {
  readonly port: number;
  /** Ports of 127.0.0.1, the one to be tried first in front. Counts for connections from now on. */
  targets: readonly number[];
  /**
   * The connections of now are swallowed: whoever connected is cut off, and the targets are told
   * nothing and hear nothing more.
   */
  swallow(): void;
  close(): void;
}

export async function startTcpBalancer(targets: readonly number[]): Promise<TcpBalancer> {
  const sockets = new Set<Socket>();
  const clients = new Set<Socket>();
  const swallowed = new WeakSet<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  };
  const server = createServer({ noDelay: true, pauseOnConnect: true }, async (client) => {
    keep(client);
    clients.add(client);
    client.once("close", () => clients.delete(client));
    for (const port of balancer.targets) {
      const upstream = await opened(port);
      if (upstream === null) continue;
      keep(upstream);
      join(client, upstream);
      join(upstream, client);
      return;
    }
    client.destroy();
  });

  function join(from: Socket, to: Socket): void {
    from.on("data", (bytes) => to.write(bytes));
    from.on("close", () => {
      if (!swallowed.has(from)) to.destroy();
    });
    from.resume();
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const balancer: TcpBalancer = {
    port: typeof address === "object" && address !== null ? address.port : 0,
    targets,
    swallow() {
      for (const client of clients) {
        swallowed.add(client);
        client.destroy();
      }
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return balancer;
}

function opened(port: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(null));
  });
}
