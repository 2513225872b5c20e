// Guarantee: no frames whatever make the decoder or the door throw anything but its own errors, or
// disturb the worker beside. The seed makes a failure repeatable.
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Listening } from "../../../../../server/protocols/contract";
import { createMsgpackProtocol } from "../../../../../server/protocols/msgpack";
import {
  decodeValue,
  encodeValue,
  MsgpackError,
  readMessage,
  WORKER_OPS,
  writeRequest,
} from "../../../../../server/protocols/msgpack/codec";
import { MsgpackPeer } from "../../../../support/msgpack-peer";
import { mutateBytes } from "../../../../support/mutate-bytes";
import { type SeededRandom, seededRandom } from "../../../../support/seeded-random";
import { shell } from "../../../../support/shell-command";
import { frameCaptures } from "../../../../support/wire-captures";
import { KeepingSink, never, type TestDoor, testDoor } from "../../../../support/worker-door";

const SEED = 20_261_125;
const frames = frameCaptures()
  .filter((capture) => capture.direction === "w2m")
  .flatMap((capture) => capture.frames)
  .filter((frame) => frame.length < 2_000);

function pick<T>(items: readonly T[], random: SeededRandom): T {
  return items[random.below(items.length)] as T;
}

/** The heads of long things are what leads this decoder furthest astray. */
const mutate = (bytes: Uint8Array, random: SeededRandom) =>
  mutateBytes(bytes, random, () => 0xc0 + random.below(0x20));

it("mutated frames are read or refused by the decoder, nothing else", () => {
  const random = seededRandom(SEED);
  const outcomes = { read: 0, refused: 0 };
  for (let round = 0; round < 20_000; round++) {
    const frame = mutate(pick(frames, random), random);
    try {
      readMessage(frame);
      // What can be read can be written, and read again.
      decodeValue(encodeValue(decodeValue(frame)));
      outcomes.read++;
    } catch (error) {
      if (!(error instanceof MsgpackError)) throw error;
      outcomes.refused++;
    }
  }
  expect(outcomes.read).toBeGreaterThan(1_000);
  expect(outcomes.refused).toBeGreaterThan(1_000);
});

describe("the door", () => {
  let door: TestDoor;
  let listening: Listening;
  const unexpected: unknown[] = [];
  const note = (error: unknown) => void unexpected.push(error);

  beforeEach(async () => {
    process.on("uncaughtException", note);
    process.on("unhandledRejection", note);
    door = testDoor({ passwords: { w1: "pass", steady: "pass" } });
    listening = await createMsgpackProtocol().listen(door, {
      ...{ host: "127.0.0.1", port: 0, loginTimeoutMs: 30_000 },
    });
  });

  afterEach(async () => {
    await listening.close();
    process.off("uncaughtException", note);
    process.off("unhandledRejection", note);
    expect(unexpected).toEqual([]);
  });

  it("takes anything from strangers, and serves the worker beside them", async () => {
    const steady = new MsgpackPeer(listening.port, { name: "steady" });
    const { session } = await door.nextAttached();
    const random = seededRandom(SEED + 1);
    const hello = Buffer.from(
      "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nAuthorization: Basic " +
        "dzE6cGFzcw==\r\nSec-WebSocket-Key: XOL4tFqAoZAEwDGGsR77jA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    );
    const throwAt = (bytes: Uint8Array) =>
      new Promise<void>((resolve) => {
        const socket = connect({ host: "127.0.0.1", port: listening.port });
        socket.on("error", () => {});
        socket.on("close", () => resolve());
        socket.resume();
        socket.end(bytes);
      });
    for (let round = 0; round < 40; round++) {
      await Promise.all(
        Array.from({ length: 8 }, () => {
          const start = mutate(hello, random);
          return throwAt(Buffer.concat([random.below(2) ? start : hello, pick(frames, random)]));
        }),
      );
    }
    expect(await session.ping(10_000)).toBe(true);
    steady.end();
  });

  it("takes anything from a worker that has logged in", async () => {
    const random = seededRandom(SEED + 2);
    const values = [
      null,
      5,
      -1,
      1.5,
      "text",
      "",
      [],
      [[]],
      {},
      { rc: {} },
      true,
      new Uint8Array(3),
    ];
    const ops = [
      ...WORKER_OPS,
      "response",
      "print",
      "__proto__",
      "",
    ] as (typeof WORKER_OPS)[number][];
    const ends = new Set<string>();
    for (let round = 0; round < 60; round++) {
      const peer = new MsgpackPeer(listening.port);
      const { session } = await door.nextAttached();
      const running = session.run("b1", shell("x"), new KeepingSink(), never);
      const command_id = (await peer.expectCommand()).fields.get("command_id") ?? null;
      for (let count = 0; count < 30; count++) {
        const keys = ["update", "stdout", "rc", "log", "files", "stat", "elapsed", "header"];
        const pairs = Array.from({ length: random.below(4) }, () => [
          pick(keys, random),
          pick(values, random),
        ]);
        const args = random.below(2) ? pairs : pick(values, random);
        peer.raw(writeRequest(count, pick(ops, random), { command_id, args, length: 5 }));
      }
      for (let count = 0; count < 5; count++) peer.raw(mutate(pick(frames, random), random));
      peer.websocket.close();
      ends.add((await session.closed).code);
      expect(["lost", "completed", "failed"]).toContain((await running).kind);
    }
    expect(ends).toContain("protocol-error");
  });
});
