/** A TCP load balancer in little: each connection goes to the first target that takes it. */
import { connect, createServer, type Socket } from "node:net";

export interface TcpBalancer {
  readonly port: number;
  /** Ports of 127.0.0.1, the one to be tried first in front. Counts for connections from now on. */
  targets: readonly number[];
  /** While set, nothing is passed on either way and nobody is told: a network that swallows packets. */
  isBlackHole: boolean;
  close(): void;
}

export async function startTcpBalancer(targets: readonly number[]): Promise<TcpBalancer> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  };
  const server = createServer({ noDelay: true, pauseOnConnect: true }, async (client) => {
    keep(client);
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
    from.on("data", (bytes) => {
      if (!balancer.isBlackHole) to.write(bytes);
    });
    from.on("close", () => {
      if (!balancer.isBlackHole) to.destroy();
    });
    from.resume();
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const balancer: TcpBalancer = {
    port: typeof address === "object" && address !== null ? address.port : 0,
    targets,
    isBlackHole: false,
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
