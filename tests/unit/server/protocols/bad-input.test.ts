// Guarantee: at both doors, whoever lies, floods, repeats itself or stops half-way costs its own connection
// or its own command at most; the worker beside it is served as if nothing were.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Listening, WorkerSession } from "../../../../server/protocols/contract";
import { createMsgpackProtocol } from "../../../../server/protocols/msgpack";
import {
  asString,
  type Message,
  type Value,
  writeResponse,
} from "../../../../server/protocols/msgpack/codec";
import { createPbProtocol } from "../../../../server/protocols/pb";
import {
  BananaWriter,
  Dictionary,
  type Jelly,
  Remote,
  writeAnswer,
} from "../../../../server/protocols/pb/codec";
import { MsgpackPeer, type Request } from "../../../support/msgpack-peer";
import { PbPeer } from "../../../support/pb-peer";
import { shell } from "../../../support/shell-command";
import { KeepingSink, never, type TestDoor, testDoor } from "../../../support/worker-door";

/** What was asked; called, it waits for the answer: an error when it was refused. */
type Asked = () => Promise<unknown>;

/** One connection driven by hand, whatever it speaks. */
interface Hand {
  /** Whether the login was accepted. */
  readonly isIn: Promise<boolean>;
  /** The next command that is started, as this door names it. */
  command(): Promise<string | Remote>;
  output(command: string | Remote, text: string): Asked;
  complete(command: string | Remote): Asked;
  keepalive(): Asked;
  /** Commands are refused as unknown from now on. */
  knowNothing(): void;
  /** Answers the first question of the master once more. */
  answerAgain(): void;
  /** The beginning of a message that never goes on. */
  sayHalf(): void;
  stopReading(): void;
  end(): void;
}

interface Kind {
  listen(door: TestDoor, maxUnsentBytes: number, loginTimeoutMs?: number): Promise<Listening>;
  connect(port: number, name: string, password: string): Hand;
}

const optionsOf = (loginTimeoutMs = 30_000) => ({ host: "127.0.0.1", port: 0, loginTimeoutMs });
const keepaliveTimeoutMs = 100;

const KINDS: Readonly<Record<string, Kind>> = {
  pb: {
    listen: (door, maxUnsentBytes, timeoutMs) =>
      createPbProtocol({ keepaliveTimeoutMs, maxUnsentBytes }).listen(door, optionsOf(timeoutMs)),
    connect(port, name, password) {
      const peer = PbPeer.connect(port);
      let perspective: Jelly | Error = null;
      const login = peer.login(name, password).then(
        (answer) => {
          perspective = answer;
          return answer instanceof Remote;
        },
        () => false,
      );
      let commands = 0;
      const call = (object: unknown, method: string, ...args: Jelly[]): Asked => {
        const request = peer.call((object as Remote).id, method, ...args);
        return () => peer.reply(request);
      };
      return {
        isIn: login,
        command: async () => (await peer.expectCall("startCommand", ++commands)).args[0] as Remote,
        output: (command, text) =>
          call(command, "update", [[new Dictionary([["stdout", text]]), 0]]),
        complete: (command) => call(command, "complete", null),
        keepalive: () => call(perspective, "keepalive"),
        knowNothing() {
          const name = "builtins.KeyError";
          const message = "unrecognized WorkerCommand 'shell'";
          peer.answer = ({ method }) =>
            method === "startCommand" ? Object.assign(new Error(message), { name }) : undefined;
        },
        answerAgain() {
          const writer = new BananaWriter({ usesVocabulary: true });
          writeAnswer(writer, 1, null);
          peer.raw(writer.take());
        },
        sayHalf() {
          peer.answer = () => "silence";
          peer.raw(Uint8Array.of(5, 0x80, 0x1b, 0x87));
        },
        stopReading: () => void peer.socket.pause(),
        end: () => peer.end(),
      };
    },
  },
  msgpack: {
    listen: (door, maxUnsentBytes, timeoutMs) =>
      createMsgpackProtocol({ keepaliveTimeoutMs, maxUnsentBytes }).listen(
        door,
        optionsOf(timeoutMs),
      ),
    connect(port, name, password) {
      const peer = new MsgpackPeer(port, { name, password });
      const status = peer.status();
      let commands = 0;
      const isStart = (message: Message): message is Request =>
        message.kind === "request" &&
        message.op === "start_command" &&
        message.fields.has("builder_name");
      const request = (op: string, fields: { readonly [key: string]: Value } = {}): Asked => {
        const sequence = peer.request(op, fields);
        return () => peer.reply(sequence);
      };
      return {
        isIn: status.then((code) => code === 101),
        async command() {
          const nth = commands++;
          const { fields } = await peer.expect(
            (message): message is Request => peer.received.filter(isStart)[nth] === message,
          );
          return asString(fields.get("command_id")) ?? "";
        },
        output: (command, text) => {
          const args = [["stdout", [text, [text.length - 1], [1]]]];
          return request("update", { command_id: command as string, args });
        },
        complete: (command) => request("complete", { command_id: command as string, args: null }),
        keepalive: () => request("keepalive"),
        knowNothing() {
          peer.answer = (asked) =>
            isStart(asked) ? new Error("unrecognized WorkerCommand 'shell'") : undefined;
        },
        answerAgain: () => peer.raw(writeResponse(0, null)),
        sayHalf() {
          peer.answer = () => "silence";
          // A masked binary frame of 100 bytes, of which ten come.
          const half = Uint8Array.of(0x82, 0xe4, 0, 0, 0, 0, ...new Uint8Array(10));
          Reflect.get(peer.websocket, "_socket").write(half);
        },
        stopReading: () => peer.websocket.pause(),
        end: () => peer.end(),
      };
    },
  },
};

describe.each(Object.entries(KINDS))("the %s door", (_, kind) => {
  let door: TestDoor;
  let listening: Listening;
  let hands: Hand[];
  let beside: { hand: Hand; session: WorkerSession };
  const unexpected: unknown[] = [];
  const note = (error: unknown) => void unexpected.push(error);

  const connect = (name: string, password = "pass") => {
    const hand = kind.connect(listening.port, name, password);
    hands.push(hand);
    return hand;
  };

  async function attach(name: string) {
    const hand = connect(name);
    const { session } = await door.nextAttached();
    await hand.isIn;
    return { hand, session };
  }

  async function run(session: WorkerSession, hand: Hand) {
    const sink = new KeepingSink();
    const end = session.run("b1", shell("x"), sink, never);
    return { sink, end, command: await hand.command() };
  }

  beforeEach(async () => {
    process.on("uncaughtException", note);
    process.on("unhandledRejection", note);
    hands = [];
    door = testDoor({ passwords: { w1: "pass", steady: "pass" } });
    listening = await kind.listen(door, 8 * 1024 * 1024);
    beside = await attach("steady");
  });

  afterEach(async () => {
    // Whatever was done: the worker beside runs a command to its end.
    const { sink, end, command } = await run(beside.session, beside.hand);
    await beside.hand.output(command, "still here\n")();
    await beside.hand.complete(command)();
    expect(await end).toMatchObject({ kind: "completed" });
    expect(sink.text("stdout")).toBe("still here\n");
    for (const hand of hands) hand.end();
    await listening.close();
    process.off("uncaughtException", note);
    process.off("unhandledRejection", note);
    expect(unexpected.splice(0)).toEqual([]);
  });

  it.each([
    ...["w1 ", " w1", "W1", "w1\0", "\0", "w1\n", "../w1", "%00", "' or 1=1 --", "__proto__"],
    ...[
      "constructor",
      "\u202e1w",
      "\ud83d\udc77",
      "\ud800",
      "w".repeat(1_024),
      "%(w1)s",
      "main/w1",
    ],
  ])("refuses the name %j", async (name) => {
    expect(await connect(name).isIn).toBe(false);
    expect(["unknown-name", "malformed"]).toContain((await door.nextRefusal()).reason);
  });

  it("gives up a login in time, however long passwords are looked for", async () => {
    const roomy = listening;
    listening = await kind.listen(door, 200_000, 100);
    const { credentials } = door;
    door.credentials = (name, peer) =>
      name === "w1" ? new Promise(() => {}) : credentials(name, peer);
    expect(await connect("w1").isIn).toBe(false);
    expect(await door.nextRefusal()).toMatchObject({ reason: "timeout", loginName: "w1" });
    await listening.close();
    listening = roomy;
  });

  it("refuses a name that is longer than any, and none", async () => {
    for (const name of ["w".repeat(1_025), ""]) {
      expect(await connect(name).isIn).toBe(false);
      const { reason } = await door.nextRefusal();
      expect(["unknown-name", "malformed"]).toContain(reason);
    }
  });

  it("refuses every wrong password alike, of whatever bytes", async () => {
    const bytes = Array.from({ length: 256 }, (_, byte) => `pass${String.fromCharCode(byte)}`);
    const wrong = [...bytes, "", "PASS", "pas", "p".repeat(4_096), "\u0000pass", "\ud83d\udd11"];
    for (const password of wrong) {
      const hand = connect("w1", password);
      expect(await hand.isIn).toBe(false);
      hand.end();
    }
    const reasons = new Set(door.refusals.map(({ reason }) => reason));
    expect([...reasons]).toEqual(["wrong-password"]);
    expect(door.refusals).toHaveLength(wrong.length);
  });

  it("takes a right password of any characters", async () => {
    const all = Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1)).join("");
    for (const password of [all, "a:b:c", " ", "\u{1f511}".repeat(50), "%(secret:x)s"]) {
      door.passwords.set("w1", [password]);
      const hand = connect("w1", password);
      expect(await hand.isIn).toBe(true);
      await door.nextAttached();
      hand.end();
    }
  });

  it("fails the command of a worker that says it knows it and does not", async () => {
    const { hand, session } = await attach("w1");
    hand.knowNothing();
    const end = await session.run("b1", shell("x"), new KeepingSink(), never);
    expect(end).toMatchObject({ kind: "failed" });
    expect(JSON.stringify(end)).toContain("unrecognized WorkerCommand");
    expect(await session.ping(10_000)).toBe(true);
  });

  it("keeps a flood of output to who floods", async () => {
    const { hand, session } = await attach("w1");
    const { sink, end, command } = await run(session, hand);
    const line = `${"x".repeat(1_023)}\n`;
    for (let count = 0; count < 5_000; count++) hand.output(command, line);
    expect(await beside.session.ping(10_000)).toBe(true);
    hand.complete(command);
    expect(await end).toMatchObject({ kind: "completed" });
    expect(sink.bytes("stdout").length).toBe(5_000 * line.length);
  });

  it("answers five thousand keepalives at once, and hears something in each", async () => {
    const { hand, session } = await attach("w1");
    const before = session.lastHeardAt;
    for (let count = 0; count < 5_000; count++) hand.keepalive();
    await hand.keepalive()();
    expect(session.lastHeardAt).toBeGreaterThanOrEqual(before);
    expect(await session.ping(10_000)).toBe(true);
  });

  it("drops who asks for ever and reads nothing", async () => {
    const roomy = listening;
    listening = await kind.listen(door, 200_000);
    const { hand, session } = await attach("w1");
    hand.stopReading();
    let isClosed = false;
    void session.closed.then(() => {
      isClosed = true;
    });
    while (!isClosed) {
      for (let count = 0; count < 2_000; count++) hand.keepalive();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect((await session.closed).code).toBe("too-slow");
    await listening.close();
    listening = roomy;
  }, 60_000);

  it("misses who sent half a message and says no more", async () => {
    const { hand, session } = await attach("w1");
    const { end } = await run(session, hand);
    hand.sayHalf();
    session.keepAliveEvery(0.05);
    expect((await session.closed).code).toBe("timeout");
    expect(await end).toMatchObject({ kind: "lost" });
  });

  it("does not mind an answer given twice", async () => {
    const { hand, session } = await attach("w1");
    for (let count = 0; count < 10; count++) hand.answerAgain();
    expect(await session.ping(10_000)).toBe(true);
  });

  it("lets nobody speak for another's command", async () => {
    const { hand, session } = await attach("w1");
    const own = await run(session, hand);
    const other = await run(beside.session, beside.hand);
    const guesses =
      other.command instanceof Remote
        ? Array.from({ length: 50 }, (_, id) => new Remote(id + 4))
        : Array.from({ length: 50 }, (_, id) => String(id)).filter((id) => id !== own.command);
    for (const guess of guesses) {
      expect(await hand.output(guess, "lies\n")()).toBeInstanceOf(Error);
      expect(await hand.complete(guess)()).toBeInstanceOf(Error);
    }
    await beside.hand.output(other.command, "truth\n")();
    await beside.hand.complete(other.command)();
    expect(await other.end).toMatchObject({ kind: "completed" });
    expect(other.sink.text("stdout")).toBe("truth\n");
    await hand.complete(own.command)();
    expect(await own.end).toMatchObject({ kind: "completed" });
  });

  it("takes nothing for a command that is over", async () => {
    const { hand, session } = await attach("w1");
    const { sink, end, command } = await run(session, hand);
    await hand.output(command, "in time\n")();
    await hand.complete(command)();
    await end;
    for (let count = 0; count < 100; count++) {
      await hand.output(command, "late\n")();
      await hand.complete(command)();
    }
    expect(sink.text("stdout")).toBe("in time\n");
    const next = new KeepingSink();
    const running = session.run("b1", shell("y"), next, never);
    expect(await session.ping(10_000)).toBe(true);
    await hand.output(command, "late\n")();
    expect(next.text("stdout")).toBe("");
    hand.end();
    expect(await running).toMatchObject({ kind: "lost" });
  });
});
