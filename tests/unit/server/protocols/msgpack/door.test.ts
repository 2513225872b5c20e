// Guarantee: whoever knocks at the msgpack door gets the answer of the protocol, the same for an unknown
// name and a wrong password; strangers are few and short of time; a bad peer costs its own connection.
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Listening, ListenOptions } from "../../../../../server/protocols/contract";
import {
  createMsgpackProtocol,
  type MsgpackSettings,
} from "../../../../../server/protocols/msgpack";
import { encodeValue, writeResponse } from "../../../../../server/protocols/msgpack/codec";
import { hasOpenssl, testCertificate } from "../../../../support/certificate";
import { MsgpackPeer, type PeerOptions } from "../../../../support/msgpack-peer";
import { shell } from "../../../../support/shell-command";
import { KeepingSink, never, type TestDoor, testDoor } from "../../../../support/worker-door";

let door: TestDoor;
let listening: Listening;
let peers: MsgpackPeer[];

beforeEach(() => {
  peers = [];
  door = testDoor({ passwords: { w1: ["pass", "a:b:"], steady: "pass" } });
});

afterEach(async () => {
  for (const peer of peers) peer.end();
  await listening.close();
});

async function listen(settings: Partial<MsgpackSettings> = {}, options?: Partial<ListenOptions>) {
  listening = await createMsgpackProtocol(settings).listen(door, {
    ...{ host: "127.0.0.1", port: 0, loginTimeoutMs: 30_000 },
    ...options,
  });
}

function knock(options: PeerOptions = {}): MsgpackPeer {
  const peer = new MsgpackPeer(listening.port, options);
  peers.push(peer);
  return peer;
}

/** All that the door answers to these bytes until it hangs up. */
function answerTo(text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect({ host: "127.0.0.1", port: listening.port });
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
    socket.write(text, "latin1");
  });
}

const handshake = (...lines: string[]) =>
  `${["GET /any/path HTTP/1.1", "Host: ci", "Upgrade: WebSocket", "Connection: Upgrade", ...lines].join("\r\n")}\r\n\r\n`;
const basic = (text: string) => `Authorization: Basic ${Buffer.from(text).toString("base64")}`;
const KEY = ["Sec-WebSocket-Key: XOL4tFqAoZAEwDGGsR77jA==", "Sec-WebSocket-Version: 13"];

describe("the handshake", () => {
  it("lets a worker in on any path, with colons in its password, without a subprotocol", async () => {
    await listen();
    const peer = knock({ path: "/some/where?x=1", password: "a:b:" });
    expect(await peer.status()).toBe(101);
    await door.nextAttached();
    expect(door.refusals).toEqual([]);
  });

  it("answers an unknown name and a wrong password alike, and tells them apart to the door", async () => {
    await listen();
    const unknown = await answerTo(handshake(...KEY, basic("nobody:pass")));
    expect(unknown).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
    expect(await answerTo(handshake(...KEY, basic("w1:wrong")))).toBe(unknown);
    expect(door.refusals.map(({ reason, loginName }) => [reason, loginName])).toEqual([
      ["unknown-name", "nobody"],
      ["wrong-password", "w1"],
    ]);
  });

  it.each([
    ["no Authorization", handshake(...KEY), 401, "malformed"],
    ["another scheme", handshake(...KEY, "Authorization: Bearer x"), 400, "malformed"],
    ["no base64", handshake(...KEY, "Authorization: Basic ###"), 400, "malformed"],
    ["no colon", handshake(...KEY, basic("w1")), 400, "malformed"],
    ["no name", handshake(...KEY, basic(":pass")), 400, "malformed"],
    ["a name too long", handshake(...KEY, basic(`${"x".repeat(1_025)}:pass`)), 400, "malformed"],
    ["no key", handshake("Sec-WebSocket-Version: 13", basic("w1:pass")), 400, "malformed"],
    ["no HTTP", "\u0000\u0001\u0002\r\n\r\n", 400, "malformed"],
    ["headers without end", `GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}`, 400, "http"],
    ["a browser", "GET / HTTP/1.1\r\nHost: ci\r\n\r\n", 426, "http"],
    ["Perspective Broker", "\u0002\u0082pb\u0002\u0080\u0013\u0087", 400, "pb-at-msgpack-door"],
  ])("refuses %s", async (_, text, status, reason) => {
    await listen();
    expect(await answerTo(text)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(door.refusals.map((refusal) => refusal.reason)).toEqual([reason]);
  });

  it("says nothing of the worker when passwords cannot be looked up", async () => {
    await listen();
    door.credentials = async () => {
      throw new Error("the database is away");
    };
    expect(await knock().status()).toBe(503);
    expect(await door.nextRefusal()).toMatchObject({ reason: "not-admitted" });
  });

  it("lets only few strangers in, in all and from one address, until they are attached", async () => {
    await listen({ maxStrangersPerAddress: 2, maxWaiting: 0 });
    const idle = [0, 1].map(() => connect({ host: "127.0.0.1", port: listening.port }));
    await Promise.all(
      idle.map((socket) => new Promise((resolve) => socket.on("connect", resolve))),
    );
    // Accepted in the order of arrival, so the two count by now.
    expect(await answerTo("")).toBe("");
    expect(await door.nextRefusal()).toMatchObject({ reason: "too-many-connections" });
    for (const socket of idle) socket.destroy();
    for (let count = 0; count < 5; count++) {
      while ((await knock({ name: "steady" }).status()) !== 101);
      await door.nextAttached();
    }
  });

  it("does not wait for ever: not for words, not for the fleet", async () => {
    await listen({}, { loginTimeoutMs: 60 });
    expect(await answerTo("G")).toBe("");
    expect(await door.nextRefusal()).toMatchObject({ reason: "timeout", loginName: null });
    door.admit = () => new Promise(() => {});
    const peer = knock();
    await peer.closed;
    expect(await door.nextRefusal()).toMatchObject({ reason: "timeout", loginName: "w1" });
  });

  it("closes the WebSocket of a worker that the fleet turns away", async () => {
    await listen();
    door.turnAway = "its name is in use";
    const peer = knock();
    expect(await peer.status()).toBe(101);
    // A Close frame without a code, as from a real master.
    expect(await peer.closed).toBe(1005);
    expect(await door.nextRefusal()).toMatchObject({ reason: "not-admitted" });
  });

  it.skipIf(!hasOpenssl())("speaks TLS to who trusts its authority", async () => {
    const certificate = testCertificate();
    try {
      const { key, cert, ca } = certificate;
      await listen({}, { tls: { key, cert } });
      const peer = knock({ ca });
      expect(await peer.status()).toBe(101);
      const { session } = await door.nextAttached();
      expect(await session.ping(10_000)).toBe(true);
      expect(await answerTo("GET / HTTP/1.1\r\n\r\n")).not.toContain("426");
      expect(await door.nextRefusal()).toMatchObject({ reason: "plain-at-tls-door" });
    } finally {
      certificate.remove();
    }
  });
});

describe("requests that have no place", () => {
  it("are answered before and after the worker is attached", async () => {
    await listen();
    let admit = () => {};
    const { admit: admitLater } = door;
    door.admit = async (...args) => {
      await new Promise<void>((resolve) => {
        admit = resolve;
      });
      return admitLater(...args);
    };
    const peer = knock();
    await peer.status();
    const early = peer.request("update", { command_id: "1", args: [] });
    expect(await peer.reply(early)).toEqual(new Error("Worker not authenticated."));
    admit();
    await door.nextAttached();
    const late = peer.request("update", { command_id: "99", args: [] });
    expect(await peer.reply(late)).toEqual(new Error('unknown "command_id"'));
    const unknown = peer.request("make_coffee");
    expect(await peer.reply(unknown)).toEqual(new Error("Command make_coffee does not exist."));
  });

  it("are answered as failures when their fields are wrong, and the command goes on", async () => {
    await listen();
    const peer = knock();
    const { session } = await door.nextAttached();
    const sink = new KeepingSink();
    const running = session.run("b1", shell("x"), sink, never);
    const command_id = (await peer.expectCommand()).fields.get("command_id") ?? null;
    for (const [op, fields] of [
      ["update", { args: 5 }],
      ["update", { args: [["stdout", 5]] }],
      ["update_upload_file_write", { args: new Uint8Array(1) }],
      ["update_read_file", { length: 5 }],
    ] as const) {
      expect(await peer.reply(peer.request(op, { command_id, ...fields }))).toBeInstanceOf(Error);
    }
    const odd = [["future", {}], "x", ["rc"], [5, 5], ["stdout", ["ok\n", [2], [1]]], ["rc", 0]];
    expect(await peer.reply(peer.request("update", { command_id, args: odd }))).toBeNull();
    peer.request("complete", { command_id, args: null });
    expect(await running).toMatchObject({ kind: "completed", rc: 0 });
    expect(sink.text("stdout")).toBe("ok\n");
  });
});

describe("a peer that breaks the rules", () => {
  it.each<[string, (peer: MsgpackPeer) => void]>([
    ["sends what is no msgpack", (peer) => peer.raw(Buffer.from("c1", "hex"))],
    ["sends what is no map", (peer) => peer.raw(encodeValue([1]))],
    ["nests without end", (peer) => peer.raw(Buffer.alloc(1_000_000, 0x91))],
    ["answers what nobody asked", (peer) => peer.raw(writeResponse(1_000, null))],
    ["sends a frame too long", (peer) => peer.raw(Buffer.alloc(17 * 1024 * 1024))],
    ["breaks the framing", (peer) => void Reflect.get(peer.websocket, "_socket").write("GET /")],
  ])("%s: loses its connection and nothing else", async (_, misbehave) => {
    await listen();
    const steady = knock({ name: "steady" });
    const { session: other } = await door.nextAttached();
    const peer = knock();
    const { session } = await door.nextAttached();
    const running = session.run("b1", shell("x"), new KeepingSink(), never);
    await peer.expectCommand();
    misbehave(peer);
    expect((await session.closed).code).toBe("protocol-error");
    expect(await running).toMatchObject({ kind: "lost" });
    expect(await other.ping(10_000)).toBe(true);
    steady.end();
  });

  it("is not harmed by text frames, stray maps, and answers given twice", async () => {
    await listen();
    const peer = knock();
    const { session } = await door.nextAttached();
    peer.raw("text");
    peer.raw(encodeValue({ hello: 1 }));
    peer.raw(writeResponse(0, null));
    expect(await session.ping(10_000)).toBe(true);
  });

  it("is dropped when it does not read what it asked for", async () => {
    await listen({ maxUnsentBytes: 100_000 });
    const peer = knock();
    const { session } = await door.nextAttached();
    const running = session.run(
      "b1",
      {
        name: "downloadFile",
        args: { workdir: "", workerdest: "x", maxsize: null, blocksize: 1_000_000, mode: null },
        reader: { read: async (length) => new Uint8Array(length), async close() {} },
      },
      new KeepingSink(),
      never,
    );
    const command_id = (await peer.expectCommand()).fields.get("command_id") ?? null;
    peer.websocket.pause();
    for (let count = 0; count < 60; count++) {
      peer.request("update_read_file", { command_id, length: 1_000_000 });
    }
    expect((await session.closed).code).toBe("too-slow");
    expect(await running).toMatchObject({ kind: "lost" });
  });
});
