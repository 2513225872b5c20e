// Guarantee: what real peers sent over msgpack is understood to the last byte, and what we write is byte
// for byte what they write.
import { describe, expect, it } from "vitest";
import {
  decodeValue,
  encodeValue,
  MASTER_OPS,
  readLines,
  readMessage,
  WORKER_OPS,
  writeFailure,
  writeResponse,
} from "../../../../../../server/protocols/msgpack/codec";
import { asItems, asString } from "../../../../../../server/protocols/msgpack/codec/value";
import { frameCaptures, sameBytes } from "../../../../../support/wire-captures";

const all = frameCaptures();

describe("captures", () => {
  it("are there", () => {
    expect(all.length).toBeGreaterThan(70);
    expect(all.flatMap((capture) => capture.frames).length).toBeGreaterThan(2_000);
  });

  it.each(all.map((each) => [`${each.version} ${each.scenario} ${each.direction}`, each] as const))(
    "%s: every frame is understood and written alike",
    (_, { direction, frames }) => {
      const known: readonly string[] = direction === "m2w" ? MASTER_OPS : WORKER_OPS;
      for (const frame of frames) {
        expect(sameBytes(encodeValue(decodeValue(frame)), frame)).toBe(true);
        const message = readMessage(frame);
        if (message.kind === "request") expect(known).toContain(message.op);
        else if (message.kind === "stray") throw new Error("a real peer sent a stray map");
        else {
          const again = message.failed
            ? writeFailure(message.sequence, asString(message.result) ?? "")
            : writeResponse(message.sequence, message.result);
          expect(again.length).toBe(frame.length);
        }
      }
    },
  );

  it("hold the output of three thousand lines", () => {
    for (const version of ["msgpack-3.7", "msgpack-4.x"]) {
      const capture = all.find(
        (each) =>
          each.version === version && each.scenario === "lines3k" && each.direction === "w2m",
      );
      const lines = (capture?.frames ?? []).flatMap((frame) => {
        const message = readMessage(frame);
        if (message.kind !== "request" || message.op !== "update") return [];
        return (asItems(message.fields.get("args")) ?? []).flatMap((pair) => {
          const [key, value] = asItems(pair) ?? [];
          const text = asString(key) === "stdout" ? readLines(value) : null;
          return text === null ? [] : [Buffer.from(text).toString()];
        });
      });
      expect(lines.join("").split("\n")).toHaveLength(3_001);
    }
  });
});
