// Guarantee: the door keeps the order, the counting and the answers of Perspective Broker (protocol
// §2.5 to §2.8, §6), also where a peer does what no Python worker does.
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CommandSink } from "../../../../../server/domain/wire";
import type { Listening } from "../../../../../server/protocols/contract";
import { createPbProtocol, type PbSettings } from "../../../../../server/protocols/pb";
import type { BrokerMessage, Call, Jelly } from "../../../../../server/protocols/pb/codec";
import {
  asItems,
  asString,
  Dictionary,
  failure,
  failureToJelly,
  Remote,
  Text,
  Tuple,
} from "../../../../../server/protocols/pb/codec";
import { PbPeer } from "../../../../support/pb-peer";
import { shell } from "../../../../support/shell-command";
import { KeepingSink, never, type TestDoor, testDoor } from "../../../../support/worker-door";

let door: TestDoor;
let listening: Listening | null;
let peers: PbPeer[];

beforeEach(() => {
  door = testDoor({ passwords: { w1: "pass" } });
  listening = null;
  peers = [];
});

afterEach(async () => {
  for (const peer of peers) peer.end();
  await listening?.close();
});

async function connect(settings: Partial<PbSettings> = {}): Promise<PbPeer> {
  listening ??= await createPbProtocol(settings).listen(door, {
    host: "127.0.0.1",
    port: 0,
    loginTimeoutMs: 30_000,
  });
  const peer = PbPeer.connect(listening.port);
  peers.push(peer);
  return peer;
}

async function attach(settings?: Partial<PbSettings>) {
  const peer = await connect(settings);
  const perspective = (await peer.login("w1", "pass")) as Remote;
  return { peer, perspective, ...(await door.nextAttached()) };
}

const isKeepalive = (message: BrokerMessage) =>
  message.kind === "message" && asString(message.kwargs.get("message")) === "keepalive";

/** The object that `startCommand` gave to the worker. */
function commandObject(call: Call): number {
  return (call.args[0] as Remote).id;
}

function update(values: Record<string, Jelly>): Jelly {
  return [[new Dictionary(Object.entries(values)), 0]];
}

describe("logging in", () => {
  it("answers only after the worker was described and served", async () => {
    const { peer, perspective } = await attach();
    expect(perspective).toEqual(new Remote(2));
    const calls = peer.received.flatMap((each) => (each.kind === "message" ? each.method : []));
    expect(calls).toEqual(["print", "getWorkerInfo", "setBuilderList", "print"]);
    expect(peer.received.at(-1)).toMatchObject({ kind: "answer", value: new Remote(2) });
  });

  it("gives an unknown name and a wrong password the same answers", async () => {
    const seen: unknown[] = [];
    for (const [name, password] of [
      ["w1", "wrong"],
      ["nobody", "pass"],
    ] as const) {
      const peer = await connect({ randomBytes: (count) => new Uint8Array(count) });
      await peer.login(name, password);
      seen.push(peer.received);
    }
    expect(seen[0]).toEqual(seen[1]);
    expect(seen[0]).toContainEqual({ kind: "decref", object: 1 });
    expect(seen[0]).toContainEqual(
      expect.objectContaining({
        kind: "error",
        failure: expect.objectContaining({
          type: "twisted.cred.error.UnauthorizedLogin",
          parents: expect.arrayContaining(["twisted.cred.error.UnauthorizedLogin"]),
        }),
      }),
    );
    expect(door.refusals.map((each) => each.reason)).toEqual(["wrong-password", "unknown-name"]);
  });

  it("does not let a refused peer keep its connection", async () => {
    const peer = await connect({ refusedLingerMs: 20 });
    await peer.login("w1", "wrong");
    await peer.closed;
  });

  it("asks ancient workers in the old way", async () => {
    const peer = await connect();
    peer.answer = (call) => {
      if (call.method === "getWorkerInfo" || call.method === "getCommands") {
        const unknown = new Error(call.method);
        unknown.name = "twisted.spread.flavors.NoSuchMethod";
        return unknown;
      }
      if (call.method === "getSlaveInfo") {
        return { system: "posix", basedir: "/old", environ: { A: "b" }, admin: "me" };
      }
      return call.method === "getVersion" ? "0.8.9" : undefined;
    };
    await peer.login("w1", "pass");
    const { facts } = await door.nextAttached();
    expect(facts).toEqual({
      version: "0.8.9",
      system: "posix",
      basedir: "/old",
      numcpus: null,
      workerCommands: {},
      environ: { A: "b" },
      info: { admin: "me" },
      keeps: null,
    });
  });

  it("bounds what a worker says of itself", async () => {
    const peer = await connect();
    const big = "x".repeat(200_000);
    peer.answer = (call) =>
      call.method === "getWorkerInfo"
        ? {
            version: big,
            numcpus: -1,
            basedir: 5,
            environ: Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`K${n}`, "v"])),
            __proto__x: "kept",
            notes: big,
            list: [1, 2],
          }
        : undefined;
    await peer.login("w1", "pass");
    const { facts } = await door.nextAttached();
    expect(facts.version).toHaveLength(256);
    expect(facts).toMatchObject({ numcpus: null, basedir: "" });
    expect(Object.keys(facts.environ)).toHaveLength(2_000);
    expect(facts.info.notes).toHaveLength(65_536);
    expect(facts.info).not.toHaveProperty("list");
  });
});

describe("builders", () => {
  it("are not told again when nothing changed, and released when something did", async () => {
    const { peer, session } = await attach();
    await session.serve(door.builders);
    await session.serve([...door.builders, { name: "b2", builddir: "d2" }]);
    await session.ping(10_000);
    const told = peer.received.filter(
      (each) => each.kind === "message" && each.method === "setBuilderList",
    );
    expect(told).toHaveLength(2);
    // One count of the only builder there was; the new answer gave another.
    const released = peer.received.filter((each) => each.kind === "decref");
    expect(released).toEqual([{ kind: "decref", object: 2 }]);
  });
});

describe("a command", () => {
  it("may complete before its start is answered, with several values in one update", async () => {
    const { peer, session } = await attach();
    const sink = new KeepingSink();
    const replies: Promise<Jelly | Error>[] = [];
    peer.answer = (call) => {
      if (call.method !== "startCommand") return undefined;
      const object = commandObject(call);
      const several: Jelly = [
        [
          new Dictionary([
            ["stdout", "one\n"],
            ["rc", 0],
          ]),
          3,
        ],
        [
          new Dictionary([
            ["log", new Tuple("l", "two\n")],
            ["future", null],
          ]),
          5,
        ],
      ];
      replies.push(peer.reply(peer.call(object, "update", several)));
      replies.push(peer.reply(peer.call(object, "update", update({ stdout: "late" }))));
      replies.push(peer.reply(peer.call(object, "complete", null)));
      replies.push(peer.reply(peer.call(object, "update", update({ stdout: "too late" }))));
      return null;
    };
    const end = await session.run("b1", shell(["x"]), sink, never);
    expect(end).toEqual({ kind: "completed", rc: 0, elapsedSeconds: null, failureReason: null });
    expect(await Promise.all(replies)).toEqual([5, 0, null, 0]);
    expect(sink.text("stdout")).toBe("one\nlate");
    expect(sink.text("log:l")).toBe("two\n");
    // Complete before the answer: there is nothing left to hurry.
    expect(
      peer.received.some((each) => each.kind === "message" && each.method === "startBuild"),
    ).toBe(false);
  });

  it("tells why it was killed, and how long it took, and that none came", async () => {
    const { peer, session } = await attach();
    const told: Jelly[][] = [
      [update({ failure_reason: "timeout" }), update({ rc: -1 }), update({ elapsed: 1.5 })],
      [update({ failure_reason: "nonsense" })],
    ];
    peer.answer = (call) => {
      if (call.method !== "startCommand") return undefined;
      for (const each of told.shift() ?? []) peer.call(commandObject(call), "update", each);
      peer.call(commandObject(call), "complete", null);
      return null;
    };
    expect(await session.run("b1", shell("x"), new KeepingSink(), never)).toEqual({
      kind: "completed",
      rc: -1,
      elapsedSeconds: 1.5,
      failureReason: "timeout",
    });
    expect(await session.run("b1", shell("x"), new KeepingSink(), never)).toEqual({
      kind: "completed",
      rc: null,
      elapsedSeconds: null,
      failureReason: null,
    });
  });

  it("is hurried on by a call that needs no reply, once its start is answered", async () => {
    const { peer, session } = await attach();
    const running = session.run("b1", shell("x"), new KeepingSink(), never);
    const start = await peer.expectCall("startCommand");
    const nudge = await peer.expectCall("startBuild");
    expect(nudge).toMatchObject({ object: start.object, answerRequired: false });
    peer.call(commandObject(start), "complete", null);
    await running;
  });

  it("fails with the worker's failure, of its start or of its end", async () => {
    const { peer, session } = await attach();
    peer.answer = (call) =>
      call.method === "startCommand" ? new Error("no such thing") : undefined;
    expect(await session.run("b1", shell("x"), new KeepingSink(), never)).toEqual({
      kind: "failed",
      message: "no such thing",
    });
    peer.answer = (call) => {
      if (call.method === "startCommand") {
        const reason = failureToJelly(failure("builtins.ValueError", "it broke"));
        peer.call(commandObject(call), "complete", reason);
      }
      return undefined;
    };
    expect(await session.run("b1", shell("x"), new KeepingSink(), never)).toEqual({
      kind: "failed",
      message: "it broke",
    });
  });

  it("fails when its output could not be kept, and ends in its own time", async () => {
    const { peer, session } = await attach();
    const broken: CommandSink = {
      output: async () => {
        throw new Error("the store is down");
      },
      log() {
        throw new Error("never the first");
      },
    };
    const running = session.run("b1", shell("x"), broken, never);
    const object = commandObject(await peer.expectCall("startCommand"));
    expect(await peer.reply(peer.call(object, "update", update({ stdout: "a" })))).toBe(0);
    const log = update({ log: new Tuple("l", "x") });
    expect(await peer.reply(peer.call(object, "update", log))).toBe(0);
    peer.call(object, "complete", null);
    expect(await running).toEqual({
      kind: "failed",
      message: "the output could not be kept: the store is down",
    });
  });

  it("is interrupted once, by its own id, with the reason given", async () => {
    const { peer, session } = await attach();
    const stop = new AbortController();
    const running = session.run("b1", shell("x"), new KeepingSink(), stop.signal);
    const start = await peer.expectCall("startCommand");
    stop.abort("a newer build");
    const interrupt = await peer.expectCall("interruptCommand");
    expect(interrupt.args.map(asString)).toEqual([asString(start.args[1]), "a newer build"]);
    peer.call(commandObject(start), "update", update({ rc: -1 }));
    peer.call(commandObject(start), "complete", null);
    expect(await running).toMatchObject({ kind: "completed", rc: -1 });
    await session.ping(10_000);
    const interrupts = peer.received.filter(
      (each) => each.kind === "message" && each.method === "interruptCommand",
    );
    expect(interrupts).toHaveLength(1);
  });

  it("hands its text on as the bytes that came, good UTF-8 or not", async () => {
    const { peer, session } = await attach();
    const sink = new KeepingSink();
    const running = session.run("b1", shell("x"), sink, never);
    const object = commandObject(await peer.expectCall("startCommand"));
    peer.call(object, "update", update({ stdout: new Text(Uint8Array.of(0xff, 0x00, 0xe2)) }));
    peer.call(object, "update", update({ stdout: Uint8Array.of(0x61) }));
    peer.call(object, "update", update({ stdout: "list" }));
    peer.call(object, "complete", null);
    await running;
    expect(sink.bytes("stdout").toString("latin1")).toBe("\xff\0\xe2alist");
  });

  it("writes the blocks of a peer that does not wait in their order", async () => {
    const { peer, session } = await attach();
    const written: string[] = [];
    const running = session.run(
      "b1",
      {
        name: "uploadFile",
        args: { workdir: "", workersrc: "x", maxsize: null, blocksize: 10, keepstamp: true },
        writer: {
          async write(block) {
            // The first takes longest.
            for (let turn = written.length; turn < 5; turn++) await Promise.resolve();
            written.push(Buffer.from(block).toString());
          },
          async close() {
            written.push("close");
          },
          async utime(...times) {
            written.push(times.join());
          },
        },
      },
      new KeepingSink(),
      never,
    );
    const start = await peer.expectCall("startCommand");
    const writer = (start.args[3] as Dictionary).get("writer") as Remote;
    for (const block of ["a", "b", "c"]) peer.call(writer.id, "write", Buffer.from(block));
    peer.call(writer.id, "close");
    peer.call(writer.id, "utime", new Tuple(1, 2.5));
    peer.call(commandObject(start), "complete", null);
    expect(await running).toMatchObject({ kind: "completed" });
    expect(written).toEqual(["a", "b", "c", "close", "1,2.5"]);
  });
});

describe("objects", () => {
  it("answer unknown numbers and methods with failures that peers know", async () => {
    const { peer, perspective } = await attach();
    expect(String(await peer.reply(peer.call(99, "x")))).toContain(
      "twisted.spread.pb.Error: Invalid Object ID",
    );
    expect(String(await peer.reply(peer.call(perspective.id, "nonsense")))).toContain(
      "twisted.spread.flavors.NoSuchMethod",
    );
    expect(await peer.reply(peer.call(perspective.id, "keepalive"))).toBeNull();
  });

  it("are let go when they are released, and a release too many is ignored", async () => {
    const { peer, session } = await attach();
    const running = session.run("b1", shell("x"), new KeepingSink(), never);
    const object = commandObject(await peer.expectCall("startCommand"));
    peer.call(object, "complete", null);
    await running;
    peer.decref(object);
    peer.decref(object);
    peer.decref(12_345);
    const reply = await peer.reply(peer.call(object, "update", []));
    expect(String(reply)).toContain("Invalid Object ID");
    expect(await session.ping(10_000)).toBe(true);
  });

  it("pass a request to be drained on", async () => {
    const { peer, perspective } = await attach();
    expect(await peer.reply(peer.call(perspective.id, "shutdown"))).toBeNull();
    expect(door.drainRequests).toBe(1);
  });
});

describe("reading", () => {
  it("stops while a sink is behind, and goes on where it stopped", async () => {
    const { peer, session } = await attach();
    const gates: (() => void)[] = [];
    const taken: string[] = [];
    const waiting: (() => void)[] = [];
    const sink: CommandSink = {
      output: (_, text) => {
        taken.push(Buffer.from(text).toString());
        waiting.shift()?.();
        return new Promise((resolve) => gates.push(resolve));
      },
      log() {},
    };
    const running = session.run("b1", shell("x"), sink, never);
    const object = commandObject(await peer.expectCall("startCommand"));
    const first = new Promise<void>((resolve) => waiting.push(resolve));
    const requests = ["a", "b", "c"].map((text) =>
      peer.call(object, "update", update({ stdout: text })),
    );
    peer.call(object, "complete", null);
    await first;
    // Silence is ours, not the worker's: a ping waits instead of failing. The pause outlasts its time,
    // by however much; after it there is the whole time again.
    const ping = session.ping(250);
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (const expected of ["a", "b", "c"]) {
      while (gates.length === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(taken.at(-1)).toBe(expected);
      gates.shift()?.();
    }
    expect(await running).toMatchObject({ kind: "completed" });
    expect(await ping).toBe(true);
    expect(taken).toEqual(["a", "b", "c"]);
    expect(await Promise.all(requests.map((request) => peer.reply(request)))).toEqual([0, 0, 0]);
  });
});

describe("silence", () => {
  it("makes a ping fail", async () => {
    const { peer, session } = await attach();
    peer.answer = () => "silence";
    expect(await session.ping(20)).toBe(false);
  });

  it("ends a session whose keepalive is not answered", async () => {
    const { peer, session } = await attach({ keepaliveTimeoutMs: 20 });
    session.keepAliveEvery(0.02);
    await peer.expect(isKeepalive);
    peer.answer = () => "silence";
    expect((await session.closed).code).toBe("timeout");
  });

  it("sends keepalives at the interval told last, or none any more", async () => {
    const { peer, session } = await attach();
    const count = () => peer.received.filter(isKeepalive).length;
    session.keepAliveEvery(3_600);
    // So long an answer may take, too.
    session.keepAliveEvery(1);
    while (count() < 2) {
      expect(await session.ping(10_000)).toBe(true);
      await sleep(20);
    }
    session.keepAliveEvery(null);
    // One may be under way; a round trip later it has come.
    await session.ping(10_000);
    const before = count();
    await sleep(1_500);
    expect(await session.ping(10_000)).toBe(true);
    expect(count()).toBe(before);
  });
});

describe("a list of builders", () => {
  it("is answered by numbers, of which only those asked for count", async () => {
    const peer = await connect();
    peer.answer = (call) =>
      call.method === "setBuilderList" ? { b1: 5, b7: new Remote(7), b8: null } : undefined;
    await peer.login("w1", "pass");
    const { session } = await door.nextAttached();
    for (const builder of ["b1", "b7"]) {
      const end = await session.run(builder, shell("x"), new KeepingSink(), never);
      expect(end).toMatchObject({ kind: "failed" });
    }
  });

  it("is sent as tuples of name and directory", async () => {
    const { peer } = await attach();
    const call = await peer.expectCall("setBuilderList");
    const pairs = (asItems(call.args[0]) ?? []).map((pair) => asItems(pair)?.map(asString));
    expect(pairs).toEqual([["b1", "b1"]]);
    expect((asItems(call.args[0]) ?? [])[0]).toBeInstanceOf(Tuple);
  });
});
