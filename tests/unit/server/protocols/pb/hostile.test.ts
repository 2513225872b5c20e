// Guarantee: a hostile peer costs one connection. Oversized, nested, truncated or slow input ends
// that connection with a reason, and a worker beside it stays served.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Listening, ListenOptions } from "../../../../../server/protocols/contract";
import { createPbProtocol, type PbSettings } from "../../../../../server/protocols/pb";
import { Dictionary, Remote, ROOT } from "../../../../../server/protocols/pb/codec";
import { hasOpenssl, testCertificate } from "../../../../support/certificate";
import { PbPeer } from "../../../../support/pb-peer";
import { shell } from "../../../../support/shell-command";
import { KeepingSink, never, type TestDoor, testDoor } from "../../../../support/worker-door";

let door: TestDoor;
let listening: Listening;
let peers: PbPeer[];

beforeEach(() => {
  door = testDoor({ passwords: { w1: "pass", w2: "pass" } });
  peers = [];
});

afterEach(async () => {
  for (const peer of peers) peer.end();
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

function connect(): PbPeer {
  const peer = PbPeer.connect(listening.port);
  peers.push(peer);
  return peer;
}

function hex(digits: string): Buffer {
  return Buffer.from(digits.replaceAll(" ", ""), "hex");
}

describe("before the login", () => {
  const GREETING = "02 82 70 62 02 80 13 87 06 81";

  it.each([
    ["an unknown dialect", "03 82 78 79 7a"],
    ["a list as dialect", "01 80 02 82 70 62"],
    ["another version", "02 82 70 62 02 80 13 87 07 81"],
    ["no version", "02 82 70 62 02 80 1d 87 01 81"],
    ["the version twice", `${GREETING} 02 80 13 87 06 81`],
    ["a string of 16 KiB", `${GREETING} 00 00 01 82`],
    ["a string of 2^60", `${GREETING} 00 00 00 00 00 00 00 00 10 82`],
    ["a long list", `${GREETING} 41 80`],
    ["a deep list", `${GREETING} ${"01 80".repeat(9)}`],
    ["endless digits", "00".repeat(65)],
    ["an empty message", `${GREETING} 00 80`],
    ["a message that is a number", `${GREETING} 01 81`],
    ["an unknown message", `${GREETING} 01 80 01 82 78`],
    ["an answer to nothing", `${GREETING} 03 80 1b 87 01 81 01 80 01 87`],
    ["a call cut short", `${GREETING} 03 80 1a 87 01 81 04 82 72 6f 6f 74`],
  ])("ends a connection that sends %s", async (_, digits) => {
    await listen();
    const peer = connect();
    peer.raw(hex(digits));
    await peer.closed;
    expect(await door.nextRefusal()).toMatchObject({ reason: "malformed", loginName: null });
  });

  it("ends a connection that logs in twice, or responds nonsense", async () => {
    await listen();
    const twice = connect();
    twice.greet();
    twice.call(ROOT, "login", Buffer.from("w1"));
    twice.call(ROOT, "login", Buffer.from("w2"));
    await twice.closed;
    const nonsense = connect();
    nonsense.greet();
    await nonsense.reply(nonsense.call(ROOT, "login", Buffer.from("w1")));
    nonsense.call(1, "respond", 5, new Remote(1));
    await nonsense.closed;
    expect(door.refusals).toMatchObject([
      { reason: "malformed", loginName: "w1" },
      { reason: "malformed", loginName: "w1" },
    ]);
  });

  it("ends a connection that does not log in in time, whatever it does meanwhile", async () => {
    await listen({}, { loginTimeoutMs: 50 });
    const silent = connect();
    const slow = connect();
    slow.greet();
    await Promise.all([silent.closed, slow.closed]);
    expect(door.refusals.map((each) => each.reason)).toEqual(["timeout", "timeout"]);
  });

  it("ends a login that the fleet does not decide in time", async () => {
    door.admit = () => new Promise(() => {});
    await listen({}, { loginTimeoutMs: 100 });
    const peer = connect();
    const login = peer.login("w1", "pass");
    await expect(login).rejects.toThrow("closed");
    expect(await door.nextRefusal()).toMatchObject({ reason: "timeout", loginName: "w1" });
  });

  it("survives passwords that cannot be read, and a door that throws", async () => {
    door.credentials = () => Promise.reject(new Error("no database"));
    await listen();
    expect(String(await connect().login("w1", "pass"))).toContain("UnauthorizedLogin");
    expect(await door.nextRefusal()).toMatchObject({ reason: "not-admitted", loginName: "w1" });
    door.credentials = async () => ["pass"];
    door.admit = () => Promise.reject(new Error("no fleet"));
    door.refused = () => {
      throw new Error("no log");
    };
    expect(String(await connect().login("w1", "pass"))).toContain("UnauthorizedLogin");
  });

  it("limits those who have not logged in, and not those who have", async () => {
    await listen({ maxStrangersPerAddress: 2, maxStrangers: 10, maxWaiting: 0 });
    const worker = connect();
    await worker.login("w1", "pass");
    const strangers = [connect(), connect()];
    for (const stranger of strangers) stranger.greet();
    await Promise.all(
      strangers.map((stranger) => stranger.expect((each) => each.kind === "version")),
    );
    const third = connect();
    await third.closed;
    expect(await door.nextRefusal()).toMatchObject({ reason: "too-many-connections" });
    strangers[0]?.end();
    await strangers[0]?.closed;
    // Its place is free as soon as our end has noticed.
    for (;;) {
      const next = connect();
      next.greet();
      const outcome = await Promise.race([
        next
          .expect((each) => each.kind === "version")
          .then(
            () => "in",
            () => "out",
          ),
        next.closed.then(() => "out"),
      ]);
      if (outcome === "in") break;
    }
  });
});

describe("after the login", () => {
  async function attach(peer: PbPeer, name = "w1") {
    await peer.login(name, "pass");
    return (await door.nextAttached()).session;
  }

  it.each([
    ["a string too long", "01 00 28 82"],
    ["a list too long", "01 00 28 80"],
    ["lists too deep", "01 80".repeat(65)],
    ["an unknown word", "20 87"],
    [
      "a value that holds itself",
      "03 80 1b 87 01 81 03 80 04 87 01 81 02 80 08 87 02 80 03 87 01 81",
    ],
    ["a dictionary of no pairs", "03 80 1b 87 01 81 02 80 05 87 01 81"],
    ["an answer to a call never made", "03 80 1b 87 7f 7f 81 01 80 01 87"],
  ])("ends only the connection that sends %s", async (_, digits) => {
    await listen();
    const hostile = connect();
    const session = await attach(hostile);
    const beside = await attach(connect(), "w2");
    const running = session.run("b1", shell("x"), new KeepingSink(), never);
    await hostile.expectCall("startCommand");
    hostile.raw(hex(digits));
    expect((await session.closed).code).toBe("protocol-error");
    expect(await running).toMatchObject({ kind: "lost" });
    expect(await beside.ping(10_000)).toBe(true);
    expect(door.refusals).toEqual([]);
  });

  it("ends a connection in the middle of a message as closed by the peer", async () => {
    await listen();
    const peer = connect();
    const session = await attach(peer);
    peer.raw(hex("05 80 1b 87"));
    peer.socket.end();
    expect(await session.closed).toEqual({
      code: "peer-closed",
      message: "the peer closed the connection in the middle of a message",
    });
  });

  it("answers bad arguments with failures and goes on", async () => {
    await listen();
    const peer = connect();
    const session = await attach(peer);
    const running = session.run("b1", shell("x"), new KeepingSink(), never);
    const start = await peer.expectCall("startCommand");
    const object = (start.args[0] as Remote).id;
    for (const args of [[], [5], [[5]], [[[5, 0]]], [[[new Dictionary([["stdout", 5]]), 0]]]]) {
      expect(await peer.reply(peer.call(object, "update", ...args))).toBeInstanceOf(Error);
    }
    expect(await peer.reply(peer.call(object, "nonsense"))).toBeInstanceOf(Error);
    peer.call(object, "complete", null);
    expect(await running).toMatchObject({ kind: "completed", rc: null });
  });

  it("drops a peer that asks and does not read", async () => {
    await listen({ maxUnsentBytes: 200_000 });
    const peer = connect();
    const session = await attach(peer);
    const running = session.run(
      "b1",
      {
        name: "downloadFile",
        args: { workdir: "", workerdest: "x", maxsize: null, blocksize: 1, mode: null },
        reader: { read: async (length) => new Uint8Array(length), close: async () => {} },
      },
      new KeepingSink(),
      never,
    );
    const start = await peer.expectCall("startCommand");
    const reader = (start.args[3] as Dictionary).get("reader") as Remote;
    peer.socket.pause();
    for (let count = 0; count < 100; count++) peer.call(reader.id, "read", 655_360);
    expect((await session.closed).code).toBe("too-slow");
    expect(await running).toMatchObject({ kind: "lost" });
  });

  it("does not take more calls than it can answer", async () => {
    await listen({ maxPendingCalls: 4 });
    const peer = connect();
    const session = await attach(peer);
    let most = 0;
    let waiting = 0;
    const running = session.run(
      "b1",
      {
        name: "uploadFile",
        args: { workdir: "", workersrc: "x", maxsize: null, blocksize: 1, keepstamp: false },
        writer: {
          async write() {
            // Calls are served one after the other; what waits behind is the connection's to bound.
            most = Math.max(most, ++waiting);
            for (let turn = 0; turn < 5; turn++) await new Promise((next) => setImmediate(next));
            waiting--;
          },
          close: async () => {},
          utime: async () => {},
        },
      },
      new KeepingSink(),
      never,
    );
    const start = await peer.expectCall("startCommand");
    const writer = (start.args[3] as Dictionary).get("writer") as Remote;
    let last = 0;
    for (let count = 0; count < 50; count++) last = peer.call(writer.id, "write", Buffer.from("x"));
    expect(await peer.reply(last)).toBeNull();
    expect(most).toBe(1);
    peer.call((start.args[0] as Remote).id, "complete", null);
    expect(await running).toMatchObject({ kind: "completed" });
  });
});

describe.skipIf(!hasOpenssl())("TLS", () => {
  it("serves the same protocol inside, and ends who speaks plainly", async () => {
    const certificate = testCertificate();
    try {
      const { key, cert } = certificate;
      await listen({ maxStrangersPerAddress: 1, maxWaiting: 0 }, { tls: { key, cert } });
      const plain = connect();
      plain.raw("this is no handshake");
      await plain.closed;
      // Its place among the strangers is free again, or this one would be refused.
      const peer = PbPeer.connect(listening.port, { tls: true });
      peers.push(peer);
      expect(await peer.login("w1", "pass")).toEqual(new Remote(2));
      const { session } = await door.nextAttached();
      expect(session.hello.peer.address).toBe("127.0.0.1");
      expect(await session.ping(10_000)).toBe(true);
      peer.end();
      expect((await session.closed).code).toMatch(/^peer-/);
    } finally {
      certificate.remove();
    }
  });
});
