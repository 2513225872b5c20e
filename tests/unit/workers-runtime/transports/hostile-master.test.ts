// Guarantee: whatever a master sends, the worker's end of the connection either goes on or closes with a
// reason; nothing is thrown where nobody catches it, and one that asks without reading is not heard on.
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { MASTER_OPS, writeRequest } from "../../../../server/protocols/msgpack/codec";
import {
  BananaWriter,
  Dictionary,
  Remote,
  Tuple,
  writeAnswer,
  writeCall,
  writeVersion,
} from "../../../../server/protocols/pb/codec";
import { msgpackTransport } from "../../../../workers-runtime/transports/msgpack/connect";
import { pbTransport } from "../../../../workers-runtime/transports/pb/connect";
import type { Connection, WorkerHost } from "../../../../workers-runtime/transports/transport";
import { type SeededRandom, seededRandom } from "../../../support/seeded-random";

const ROUNDS = 150;
const CREDENTIALS = { name: "w1", password: "pass" };
const SHELL = { command: ["true"], workdir: "build", env: { A: null }, logfiles: { l: "f" } };

let server: Server;
let port = 0;
let described = 0;

const host: WorkerHost = {
  async describe() {
    described++;
    return { version: "test", environ: { A: "x".repeat(2_000) } };
  },
  async serve() {},
  start: (_builder, _id, _command, channel) => channel.complete(null),
  keep(_builder, _id, _command, channel) {
    setImmediate(() => channel.complete(null));
    return "new";
  },
  keepOnly() {},
  interrupt() {},
  shutdown() {},
  said() {},
};

beforeEach(async () => {
  described = 0;
  server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as { port: number }).port;
});
afterEach(() => void server.close());

/** Some bytes changed, some cut off. */
function damaged(bytes: Uint8Array, random: SeededRandom): Buffer {
  const copy = Buffer.from(bytes);
  for (let count = random.below(4); count > 0; count--) {
    copy[random.below(copy.length)] = random.below(256);
  }
  return copy.subarray(0, random.below(8) === 0 ? random.below(copy.length) : copy.length);
}

function conversation(): Uint8Array {
  const writer = new BananaWriter({ usesVocabulary: true });
  const call = (object: number, method: string, args: Parameters<typeof writeCall>[1]["args"]) =>
    writeCall(writer, {
      ...{ request: 1, object, method, answerRequired: true, args, kwargs: new Dictionary() },
    });
  writeVersion(writer);
  writeAnswer(writer, 1, new Tuple(new Uint8Array(16), new Remote(1)));
  call(1, "print", ["attached"]);
  call(1, "getWorkerInfo", []);
  call(1, "setBuilderList", [[new Tuple("b1", "b1")]]);
  call(2, "startCommand", [new Remote(3), "1", "shell", new Dictionary(Object.entries(SHELL))]);
  call(2, "interruptCommand", ["1", "enough"]);
  writeAnswer(writer, 2, new Remote(2));
  return writer.take();
}

/** A connection of ours and the master's end of it. */
async function connected(transport: (socket: Socket) => Connection) {
  const arrived = once(server, "connection") as Promise<[Socket]>;
  const connection = transport(connect({ host: "127.0.0.1", port }));
  const [peer] = await arrived;
  peer.on("error", () => {});
  return { connection, peer };
}

const overPb = (socket: Socket) => pbTransport(socket, CREDENTIALS, host);
const overMsgpack = (socket: Socket) =>
  msgpackTransport({ host: "127.0.0.1", port, path: "/" })(socket, CREDENTIALS, host);

describe("over PB", () => {
  const DIALECTS = Buffer.from("02800282706204826e6f6e65", "hex");

  it("survives damaged conversations", async () => {
    const random = seededRandom(1);
    const whole = conversation();
    for (let round = 0; round < ROUNDS; round++) {
      const { connection, peer } = await connected(overPb);
      peer.resume();
      peer.write(DIALECTS);
      peer.end(damaged(whole, random));
      expect((await connection.closed).message).not.toBe("");
    }
  });

  it("does not hear a master on that asks and does not read", async () => {
    const { connection, peer } = await connected(overPb);
    peer.pause();
    const writer = new BananaWriter({ usesVocabulary: true });
    writeVersion(writer);
    writeAnswer(writer, 1, new Tuple(new Uint8Array(16), new Remote(1)));
    peer.write(DIALECTS);
    peer.write(writer.take());
    const ask = () => {
      for (let count = 0; count < 1_000; count++) {
        writeCall(writer, {
          ...{ request: 5, object: 1, method: "getWorkerInfo", answerRequired: true },
          ...{ args: [], kwargs: new Dictionary() },
        });
      }
      return peer.write(writer.take());
    };
    await untilStuck(ask, peer);
    // The answers alone would be 200 MB.
    expect(described).toBeLessThan(60_000);
    connection.close("enough");
    peer.destroy();
    await connection.closed;
  });
});

describe("over msgpack", () => {
  /** The master's end as a WebSocket. */
  async function opened() {
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
    const { createServer: createHttp } = await import("node:http");
    const http = createHttp();
    const webSocket = new Promise<WebSocket>((resolve) => {
      http.on("upgrade", (request, socket, head) =>
        sockets.handleUpgrade(request, socket, head, resolve),
      );
    });
    server.once("connection", (socket) => http.emit("connection", socket));
    const { connection, peer } = await connected(overMsgpack);
    return { connection, peer, master: await webSocket };
  }

  it("survives damaged frames", async () => {
    const random = seededRandom(2);
    const frames = MASTER_OPS.map((op, sequence) =>
      writeRequest(sequence, op, {
        ...{ command_id: "1", command_name: "shell", message: "m", why: "w" },
        args: op === "set_worker_settings" ? { buffer_size: 1 } : SHELL,
      }),
    );
    for (let round = 0; round < ROUNDS; round++) {
      const { connection, master } = await opened();
      for (const frame of frames) master.send(damaged(frame, random));
      master.close();
      expect((await connection.closed).message).not.toBe("");
    }
  });

  it("survives bytes that are no WebSocket, and frames that are too large", async () => {
    const random = seededRandom(3);
    for (let round = 0; round < ROUNDS; round++) {
      const { connection, peer } = await connected(overMsgpack);
      peer.resume();
      peer.end(Buffer.from(Array.from({ length: 200 }, () => random.below(256))));
      expect((await connection.closed).message).not.toBe("");
    }
    const { connection, peer } = await opened();
    // A frame that says it has 1 TB.
    peer.write(Buffer.from([0x82, 0x7f, 0, 0, 1, 0, 0, 0, 0, 0]));
    expect((await connection.closed).message).not.toBe("");
  });

  it("does not hear a master on that asks and does not read", async () => {
    const { connection, peer, master } = await opened();
    peer.pause();
    const ask = () => {
      for (let count = 0; count < 1_000; count++) {
        master.send(writeRequest(count, "get_worker_info", {}));
      }
      return peer.writableLength === 0;
    };
    await untilStuck(ask, peer);
    expect(described).toBeLessThan(60_000);
    connection.close("enough");
    peer.destroy();
    await connection.closed;
  });
});

/** Asks again and again, 100,000 times at most, until the other end takes no more. */
async function untilStuck(ask: () => boolean, peer: Socket): Promise<void> {
  for (let rounds = 0, before = -1; rounds < 100; rounds++) {
    ask();
    // Whatever can move moves; then it either has or never will.
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    if (peer.writableLength > 0 && described === before) return;
    before = described;
  }
}
