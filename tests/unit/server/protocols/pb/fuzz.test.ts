// Guarantee: no bytes whatever make the decoder or the listener throw anything but its own errors, hold
// more memory than its limits, or disturb the worker beside. The seed makes a failure repeatable.
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Listening } from "../../../../../server/protocols/contract";
import { createPbProtocol } from "../../../../../server/protocols/pb";
import {
  BananaDecoder,
  BananaError,
  BrokerError,
  JellyError,
  Remote,
  ROOT,
  readBrokerMessage,
  TRUSTED_LIMITS,
} from "../../../../../server/protocols/pb/codec";
import { mutateBytes } from "../../../../support/mutate-bytes";
import { PbPeer } from "../../../../support/pb-peer";
import { type SeededRandom, seededRandom } from "../../../../support/seeded-random";
import { shell } from "../../../../support/shell-command";
import { captures } from "../../../../support/wire-captures";
import { KeepingSink, never, type TestDoor, testDoor } from "../../../../support/worker-door";

const SEED = 20_260_821;
const originals = captures().filter((each) => each.bytes.length < 20_000);

/** A type byte where none was is what leads this decoder furthest astray. */
const mutate = (bytes: Uint8Array, random: SeededRandom) =>
  mutateBytes(bytes, random, () => 0x80 + random.below(8));

function pick<T>(items: readonly T[], random: SeededRandom): T {
  return items[random.below(items.length)] as T;
}

/** Everything the decoder makes of the bytes; only its own errors are let through. */
function decode(bytes: Uint8Array, random: SeededRandom): string {
  const decoder = new BananaDecoder(TRUSTED_LIMITS);
  try {
    for (let offset = 0; offset < bytes.length; ) {
      const length = 1 + random.below(2_000);
      decoder.push(bytes.subarray(offset, offset + length));
      offset += length;
      for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
        if (decoder.usesVocabulary) readBrokerMessage(next);
        decoder.usesVocabulary = true;
      }
    }
    return "read";
  } catch (error) {
    if (error instanceof BananaError || error instanceof JellyError) return "refused";
    if (error instanceof BrokerError) return "refused";
    throw error;
  }
}

describe("mutated captures", () => {
  it("are read or refused by the decoder, nothing else", () => {
    const random = seededRandom(SEED);
    const outcomes = { read: 0, refused: 0 };
    for (let round = 0; round < 3_000; round++) {
      const outcome = decode(mutate(pick(originals, random).bytes, random), random);
      outcomes[outcome as keyof typeof outcomes]++;
    }
    // The mutations reach both ways out, so they neither break everything nor nothing.
    expect(outcomes.read).toBeGreaterThan(100);
    expect(outcomes.refused).toBeGreaterThan(100);
  });

  it("hold no more memory than the limits, whatever length they claim", () => {
    const random = seededRandom(SEED + 1);
    const decoders: BananaDecoder[] = [];
    const before = process.memoryUsage().arrayBuffers;
    for (let round = 0; round < 20; round++) {
      const decoder = new BananaDecoder(TRUSTED_LIMITS);
      decoders.push(decoder);
      // A list of the longest strings that never arrive.
      decoder.push(
        Uint8Array.of(0x00, 0x00, 0x28, 0x80, 0x00, 0x00, 0x28, 0x82, random.below(256)),
      );
      expect(decoder.next()).toBeUndefined();
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 1024 * 1024);
  });
});

describe("the listener", () => {
  let door: TestDoor;
  let listening: Listening;
  const unexpected: unknown[] = [];
  const note = (error: unknown) => void unexpected.push(error);

  beforeEach(async () => {
    process.on("uncaughtException", note);
    process.on("unhandledRejection", note);
    door = testDoor({ passwords: { w1: "pass", steady: "pass" } });
    listening = await createPbProtocol().listen(door, {
      host: "127.0.0.1",
      port: 0,
      loginTimeoutMs: 30_000,
    });
  });

  afterEach(async () => {
    await listening.close();
    process.off("uncaughtException", note);
    process.off("unhandledRejection", note);
    expect(unexpected).toEqual([]);
  });

  /** Sends and waits until the other end is done with it. */
  function throwAt(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect({ host: "127.0.0.1", port: listening.port });
      socket.on("error", () => {});
      socket.on("close", () => resolve());
      socket.resume();
      socket.end(bytes);
    });
  }

  it("takes anything from strangers, and serves the worker beside them", async () => {
    const steady = PbPeer.connect(listening.port);
    await steady.login("steady", "pass");
    const { session } = await door.nextAttached();
    const random = seededRandom(SEED + 2);
    for (let round = 0; round < 40; round++) {
      await Promise.all(
        Array.from({ length: 8 }, () => throwAt(mutate(pick(originals, random).bytes, random))),
      );
    }
    expect(await session.ping(10_000)).toBe(true);
    steady.end();
  });

  it("takes anything from a worker that has logged in", async () => {
    const random = seededRandom(SEED + 3);
    const workers = originals.filter((each) => each.direction === "w2m");
    const ends: string[] = [];
    for (let round = 0; round < 60; round++) {
      const peer = PbPeer.connect(listening.port);
      expect(await peer.login("w1", "pass")).toBeInstanceOf(Remote);
      const { session } = await door.nextAttached();
      const running = session.run("b1", shell("x"), new KeepingSink(), never);
      await peer.expectCall("startCommand");
      // Behind the recorded login come calls and answers that nearly fit this connection's numbers.
      const original = pick(workers, random).bytes;
      peer.raw(mutate(original.subarray(Math.min(95, original.length - 1)), random));
      peer.socket.end();
      ends.push((await session.closed).code);
      expect(["lost", "completed", "failed"]).toContain((await running).kind);
    }
    expect(new Set(ends)).toContain("protocol-error");
  });

  it("takes well formed calls of any kind", async () => {
    const random = seededRandom(SEED + 4);
    const peer = PbPeer.connect(listening.port);
    await peer.login("w1", "pass");
    const { session } = await door.nextAttached();
    const running = session.run("b1", shell("x"), new KeepingSink(), never);
    await peer.expectCall("startCommand");
    const values = [null, 5, -1, 1.5, "text", "", [], [[]], {}, { rc: {} }, new Remote(7), true];
    const methods = ["update", "complete", "keepalive", "write", "read", "login", "", "__proto__"];
    let last = 0;
    for (let round = 0; round < 500; round++) {
      const object = pick([1, 2, 3, 4, 0, 2 ** 40], random);
      const args = Array.from({ length: random.below(4) }, () => pick(values, random));
      last = peer.call(object, pick(methods.slice(object === 1 ? 2 : 0), random), ...args);
    }
    await peer.reply(last);
    expect(await session.ping(10_000)).toBe(true);
    // Logging in again is the one thing that is never right.
    peer.call(ROOT, "login", "w1");
    expect((await session.closed).code).toBe("protocol-error");
    await running;
  });
});
