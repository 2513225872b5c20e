// Guarantee: at both doors, with TLS and without, a proxy of ours says whose connection it passes on, and
// that address is the worker's from then on; nobody else is believed, and a header that cannot be used
// costs its connection and one line of the log.
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { rangeOf } from "../../../../server/domain/addresses";
import type {
  Listening,
  ListenOptions,
  WorkerProtocol,
} from "../../../../server/protocols/contract";
import { createMsgpackProtocol } from "../../../../server/protocols/msgpack";
import { createPbProtocol } from "../../../../server/protocols/pb";
import { hasOpenssl, type TestCertificate, testCertificate } from "../../../support/certificate";
import { MsgpackPeer } from "../../../support/msgpack-peer";
import { PbPeer } from "../../../support/pb-peer";
import { version2 } from "../../../support/proxy-protocol";
import { type TestDoor, testDoor } from "../../../support/worker-door";

const SOURCE = "203.0.113.7";
const V1 = Buffer.from(`PROXY TCP4 ${SOURCE} 10.0.0.1 54321 9989\r\n`);
const V2 = version2(SOURCE, 54_321, { more: Buffer.alloc(100, 4) });
const LOOPBACK = rangeOf("127.0.0.0/8");

interface Peer {
  end(): void;
}

interface Door {
  readonly protocol: WorkerProtocol;
  login(port: number, ca: string | null): Peer;
}

const DOORS: Readonly<Record<string, Door>> = {
  pb: {
    protocol: createPbProtocol(),
    login(port, ca) {
      const peer = PbPeer.connect(port, { tls: ca !== null });
      peer.login("w1", "pass").catch(() => {});
      return peer;
    },
  },
  msgpack: {
    protocol: createMsgpackProtocol(),
    login: (port, ca) => new MsgpackPeer(port, ca === null ? {} : { ca }),
  },
};

let door: TestDoor;
let listening: Listening;
let proxy: Server | null;
let peers: Peer[];
let sockets: Socket[];

beforeEach(() => {
  door = testDoor({ passwords: { w1: "pass" } });
  peers = [];
  sockets = [];
  proxy = null;
});

afterEach(async () => {
  for (const peer of peers) peer.end();
  for (const socket of sockets) socket.destroy();
  proxy?.close();
  await listening.close();
});

async function listen({ protocol }: Door, options: Partial<ListenOptions> = {}) {
  listening = await protocol.listen(door, {
    ...{ host: "127.0.0.1", port: 0, loginTimeoutMs: 30_000 },
    ...(LOOPBACK ? { trustedProxies: [LOOPBACK] } : {}),
    ...options,
  });
}

/** A proxy that says these pieces first, each in a packet of its own. */
function openProxy(...pieces: Uint8Array[]): Promise<number> {
  const server = createServer({ noDelay: true }, async (client) => {
    const upstream = connect({ host: "127.0.0.1", port: listening.port, noDelay: true });
    for (const socket of [client, upstream]) {
      sockets.push(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        client.destroy();
        upstream.destroy();
      });
    }
    for (const piece of pieces) {
      upstream.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    client.pipe(upstream).pipe(client);
  });
  proxy = server;
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
}

function say(...bytes: Uint8Array[]): void {
  const socket = connect({ host: "127.0.0.1", port: listening.port });
  socket.on("error", () => {});
  sockets.push(socket);
  for (const each of bytes) socket.write(each);
}

const isListed = () => door.refusals.map(({ reason }) => reason);

describe.each(Object.entries(DOORS))("the %s door", (_, kind) => {
  it.each([
    ["version 1", [V1]],
    ["version 2", [V2]],
    ["version 1, byte by byte", [...V1].map((byte) => Buffer.from([byte]))],
    ["version 2, in two", [V2.subarray(0, 20), V2.subarray(20)]],
  ])("believes its proxy: %s", async (_, pieces) => {
    await listen(kind);
    peers.push(kind.login(await openProxy(...pieces), null));
    const { session } = await door.nextAttached();
    expect(session.hello.peer).toEqual({ address: SOURCE, port: 54_321 });
    expect(await session.ping(10_000)).toBe(true);
  });

  it("believes it about refusals too", async () => {
    door.passwords.set("w1", ["other"]);
    await listen(kind);
    peers.push(kind.login(await openProxy(V2), null));
    const { reason, peer } = await door.nextRefusal();
    expect([reason, peer.address]).toEqual(["wrong-password", SOURCE]);
  });

  it("takes a proxy that speaks for itself by its own address", async () => {
    await listen(kind);
    peers.push(kind.login(await openProxy(version2(null, 0)), null));
    const { session } = await door.nextAttached();
    expect(session.hello.peer.address).toBe("127.0.0.1");
  });

  it("lets workers of the proxy's own address log in without a header", async () => {
    await listen(kind);
    peers.push(kind.login(listening.port, null));
    const { session } = await door.nextAttached();
    expect(session.hello.peer.address).toBe("127.0.0.1");
    expect(await session.ping(10_000)).toBe(true);
  });

  it("believes nobody else", async () => {
    const elsewhere = rangeOf("192.0.2.1");
    await listen(kind, elsewhere ? { trustedProxies: [elsewhere] } : {});
    for (const header of [V1, V2]) {
      say(header, Buffer.from("\r\n\r\n"));
      const { reason, peer, detail } = await door.nextRefusal();
      expect([reason, peer.address]).toEqual(["proxy-header", "127.0.0.1"]);
      expect(detail).toContain("SLIPWAY_TRUSTED_PROXY");
    }
  });

  it("tells of what is malformed or too long, once, and hangs up", async () => {
    await listen(kind);
    const bad = [
      Buffer.from("PROXY TCP4 nowhere nowhere 1 2\r\n"),
      Buffer.from(`PROXY TCP4 ${"1".repeat(2_000)}`),
      Buffer.concat([V2.subarray(0, 14), Buffer.from([0xff, 0xff]), Buffer.alloc(70_000)]),
    ];
    for (const bytes of bad) {
      say(bytes);
      expect(await door.nextRefusal()).toMatchObject({ reason: "proxy-header", loginName: null });
    }
    expect(isListed()).toEqual(["proxy-header", "proxy-header", "proxy-header"]);
    peers.push(kind.login(await openProxy(V1), null));
    expect((await door.nextAttached()).session.hello.peer.address).toBe(SOURCE);
  });

  it("does not wait for the end of a header for ever", async () => {
    await listen(kind, { loginTimeoutMs: 100 });
    say(V1.subarray(0, 20));
    expect(await door.nextRefusal()).toMatchObject({
      reason: "proxy-header",
      detail: expect.stringContaining("not whole"),
    });
  });

  describe.skipIf(!hasOpenssl())("with TLS", () => {
    let certificate: TestCertificate;
    beforeAll(() => {
      certificate = testCertificate();
    });
    afterAll(() => certificate.remove());

    it.each([
      ["version 1", V1],
      ["version 2", V2],
    ])("finds %s in front of the handshake", async (_, header) => {
      await listen(kind, { tls: { cert: certificate.cert, key: certificate.key } });
      peers.push(kind.login(await openProxy(header), certificate.ca));
      const { session } = await door.nextAttached();
      expect(session.hello.peer.address).toBe(SOURCE);
      expect(await session.ping(10_000)).toBe(true);
    });

    it("knows a certificate that is not trusted from a header", async () => {
      await listen(kind, { tls: { cert: certificate.cert, key: certificate.key } });
      say(V2);
      // Nothing but the header came: the worker behind the proxy has not said a word.
      sockets.at(-1)?.end();
      const { reason, peer } = await door.nextRefusal();
      expect([reason, peer.address]).toEqual(["left", SOURCE]);
    });
  });
});

it("a hundred workers behind one proxy are counted by their own addresses", async () => {
  const kind = { ...DOORS.pb, protocol: createPbProtocol({ maxStrangersPerAddress: 1 }) } as Door;
  await listen(kind, { loginTimeoutMs: 30_000 });
  door.passwords.clear();
  for (let n = 0; n < 100; n++) say(version2(`203.0.113.${n}`, 1));
  // Each of the hundred holds the one place of its address in silence.
  const peer = kind.login(await openProxy(version2("203.0.113.201", 3)), null);
  peers.push(peer);
  expect(await door.nextRefusal()).toMatchObject({
    reason: "unknown-name",
    peer: { address: "203.0.113.201" },
  });
});
