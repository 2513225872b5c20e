// Guarantee: blocks reach our end in order, and a failure of our end stops the transfer without ever
// being told to the worker, whose command would hang for ever.
import { describe, expect, it } from "vitest";
import type { FileWriter } from "../../../../../server/domain/wire";
import { Tuple } from "../../../../../server/protocols/pb/codec";
import {
  directoryWriterObject,
  fileReaderObject,
  fileWriterObject,
} from "../../../../../server/protocols/pb/transfer";

const block = Buffer.from("block");

function writer(calls: string[], failsAt = Number.POSITIVE_INFINITY): FileWriter {
  const note = async (call: string) => {
    if (calls.length >= failsAt) throw new Error("our disk is full");
    calls.push(call);
  };
  return {
    write: (bytes) => note(`write ${bytes.length}`),
    close: () => note("close"),
    utime: (accessTime, modifiedTime) => note(`utime ${accessTime} ${modifiedTime}`),
  };
}

describe("a writer", () => {
  it("is answered by None once the call is done", async () => {
    const calls: string[] = [];
    const object = fileWriterObject(writer(calls));
    const answers = [
      object.call("write", [block]),
      object.call("close", []),
      object.call("utime", [new Tuple(1.5, 2)]),
    ];
    expect(await Promise.all(answers)).toEqual([null, null, null]);
    expect(calls).toEqual(["write 5", "close", "utime 1.5 2"]);
    expect(object.turns.failure).toBeNull();
  });

  it("makes no further call after one failed, and says so once", async () => {
    const calls: string[] = [];
    const object = fileWriterObject(writer(calls, 1));
    let told = 0;
    object.turns.onFailure = () => {
      told++;
    };
    const answers = [
      object.call("write", [block]),
      object.call("write", [block]),
      object.call("write", [block]),
      object.call("close", []),
    ];
    expect(await Promise.all(answers)).toEqual([null, null, null, null]);
    await object.turns.idle();
    expect(calls).toEqual(["write 5"]);
    expect([object.turns.failure, told]).toEqual(["our disk is full", 1]);
  });

  it("refuses what is no block, no times, no method", () => {
    const object = fileWriterObject(writer([]));
    for (const args of [[], [5], [null], [block, block]]) {
      expect(() => object.call("write", args)).toThrow("bad arguments");
    }
    for (const args of [[], [5], [new Tuple(1)], [new Tuple("a", "b")]]) {
      expect(() => object.call("utime", args)).toThrow("bad arguments");
    }
    expect(() => object.call("unpack", [])).toThrow("No such method");
    expect(() => object.call("constructor", [])).toThrow("No such method");
  });

  it("unpacks a directory", async () => {
    const calls: string[] = [];
    const object = directoryWriterObject({
      write: async () => void calls.push("write"),
      unpack: async () => void calls.push("unpack"),
    });
    await Promise.all([object.call("write", [block]), object.call("unpack", [])]);
    expect(calls).toEqual(["write", "unpack"]);
  });
});

describe("a reader", () => {
  it("gives at most what a peer can take, and at most what was asked", async () => {
    const asked: number[] = [];
    const object = fileReaderObject({
      read: async (length) => {
        asked.push(length);
        return new Uint8Array(length);
      },
      close: async () => {},
    });
    expect(await object.call("read", [10])).toHaveLength(10);
    expect(await object.call("read", [2 ** 40])).toHaveLength(655_360);
    expect(await object.call("close", [])).toBeNull();
    expect(asked).toEqual([10, 655_360]);
    for (const args of [[], [0], [-1], ["x"], [Number.NaN]]) {
      expect(() => object.call("read", args)).toThrow("bad arguments");
    }
  });

  it("ends the file when our end fails or gives too much", async () => {
    const object = fileReaderObject({
      read: async (length) => new Uint8Array(length + 1),
      close: async () => {},
    });
    expect(await object.call("read", [10])).toEqual(new Uint8Array(0));
    expect(object.turns.failure).toContain("longer than was asked");
  });
});
