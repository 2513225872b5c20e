// Guarantee: a connection that fails before it says a name is told to the door with the layer that
// failed: TLS where none is spoken, none where it is, another protocol, a certificate that is not
// trusted, silence. What comes later in the login is not hidden by it.
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Listening, ListenOptions } from "../../../../../server/protocols/contract";
import { createPbProtocol, type PbSettings } from "../../../../../server/protocols/pb";
import { hasOpenssl, type TestCertificate, testCertificate } from "../../../../support/certificate";
import { PbPeer } from "../../../../support/pb-peer";
import { type TestDoor, testDoor } from "../../../../support/worker-door";

let door: TestDoor;
let listening: Listening;
let sockets: Socket[];

beforeEach(() => {
  door = testDoor({ passwords: { w1: "pass" } });
  sockets = [];
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await listening.close();
});

async function listen(settings: Partial<PbSettings> = {}, options: Partial<ListenOptions> = {}) {
  listening = await createPbProtocol(settings).listen(door, {
    host: "127.0.0.1",
    port: 0,
    loginTimeoutMs: 30_000,
    ...options,
  });
}

function keep<S extends Socket>(socket: S): S {
  socket.on("error", () => {});
  sockets.push(socket);
  return socket;
}

const plain = (said = "") => {
  const socket = keep(connectTcp({ host: "127.0.0.1", port: listening.port }));
  if (said) socket.write(said);
  return socket;
};
const secure = (options = {}) =>
  keep(connectTls({ host: "127.0.0.1", port: listening.port, ...options }));

const UPGRADE = "GET / HTTP/1.1\r\nHost: ci\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n";

describe("at a door without TLS", () => {
  it("knows TLS by its first bytes", async () => {
    await listen();
    secure();
    expect(await door.nextRefusal()).toMatchObject({ reason: "tls-at-plain-door" });
  });

  it.each([
    ["msgpack over WebSocket", UPGRADE, "msgpack-at-pb-door"],
    ["a browser", "GET / HTTP/1.1\r\nHost: ci\r\nAccept: text/html\r\n\r\n", "http"],
    ["a health check", "HEAD /health HTTP/1.0\r\n\r\n", "http"],
    ["something else", "SSH-2.0-OpenSSH_9.2\r\n".repeat(20), "malformed"],
  ])("knows %s", async (_, said, reason) => {
    await listen();
    plain(said);
    expect(await door.nextRefusal()).toMatchObject({ reason, loginName: null });
  });

  it("tells of silence once, and lets who speaks late log in", async () => {
    await listen({ silenceMs: 20 });
    const peer = new PbPeer(plain());
    expect(await door.nextRefusal()).toMatchObject({ reason: "silent" });
    expect(String(await peer.login("w1", "wrong"))).toContain("UnauthorizedLogin");
    expect(await door.nextRefusal()).toMatchObject({ reason: "wrong-password", loginName: "w1" });
    expect(door.refusals).toHaveLength(2);
  });

  it("tells of who comes and goes without a word", async () => {
    await listen();
    plain().end();
    expect(await door.nextRefusal()).toMatchObject({ reason: "left" });
  });
});

describe.skipIf(!hasOpenssl())("at a door with TLS", () => {
  let certificate: TestCertificate;
  beforeAll(() => {
    certificate = testCertificate();
  });
  afterAll(() => certificate.remove());
  const tls = () => ({ key: certificate.key, cert: certificate.cert });

  it("knows who speaks plainly", async () => {
    await listen({}, { tls: tls() });
    plain("GET / HTTP/1.1\r\n\r\n");
    expect(await door.nextRefusal()).toMatchObject({ reason: "plain-at-tls-door" });
    plain("anything that is no handshake");
    expect(await door.nextRefusal()).toMatchObject({ reason: "plain-at-tls-door" });
  });

  it("tells of silence: a real worker without TLS waits for us to speak first", async () => {
    await listen({ silenceMs: 20 }, { tls: tls() });
    plain();
    expect(await door.nextRefusal()).toMatchObject({ reason: "silent" });
  });

  it("knows who asks for a WebSocket inside, and who does not trust it", async () => {
    await listen({}, { tls: tls() });
    secure({ ca: certificate.ca, servername: "localhost" }).write(UPGRADE);
    expect(await door.nextRefusal()).toMatchObject({ reason: "msgpack-at-pb-door" });
    secure({ servername: "localhost" });
    expect(await door.nextRefusal()).toMatchObject({ reason: "untrusted-certificate" });
  });
});
