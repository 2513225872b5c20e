// Guarantee: the kernel itself asks after a worker that has been silent for a minute, at both doors (W-031).
import { existsSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import type { Listening, WorkerProtocol } from "../../../../server/protocols/contract";
import { msgpackProtocol } from "../../../../server/protocols/msgpack";
import { pbProtocol } from "../../../../server/protocols/pb";
import { testDoor } from "../../../support/worker-door";

/** The kernel's own list of connections (proc_net_tcp.txt). */
const CONNECTIONS = "/proc/net/tcp";
const KEEPALIVE = "02";
const ESTABLISHED = "01";

let listening: Listening;
let socket: Socket;

afterEach(async () => {
  socket.destroy();
  await listening.close();
});

interface Timer {
  readonly kind: string;
  /** Until it fires, in hundredths of a second. */
  readonly left: number;
}

/** Of the door's end of the connection from that port. */
function timerOf(port: number, peerPort: number): Timer | null {
  const at = (number: number) => `0100007F:${number.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const line of readFileSync(CONNECTIONS, "utf8").split("\n")) {
    const [, local, remote, state, , timer = ""] = line.trim().split(/\s+/);
    if (local !== at(port) || remote !== at(peerPort) || state !== ESTABLISHED) continue;
    const [kind = "", left = ""] = timer.split(":");
    return { kind, left: Number.parseInt(left, 16) };
  }
  return null;
}

it.skipIf(!existsSync(CONNECTIONS)).each<[string, WorkerProtocol]>([
  ["pb", pbProtocol],
  ["msgpack", msgpackProtocol],
])("the %s door", async (_, protocol) => {
  const options = { host: "127.0.0.1", port: 0, loginTimeoutMs: 30_000 };
  listening = await protocol.listen(testDoor({ passwords: {} }), options);
  socket = connect({ host: "127.0.0.1", port: listening.port });
  await new Promise((resolve) => socket.once("connect", resolve));
  // A packet under way has a timer of its own first.
  let timer: Timer | null = null;
  while (timer?.kind !== KEEPALIVE) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    timer = timerOf(listening.port, socket.localPort ?? 0);
  }
  expect(timer.left).toBeLessThanOrEqual(6_000);
});
