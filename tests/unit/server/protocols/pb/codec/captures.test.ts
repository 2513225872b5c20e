// Guarantee: what real peers sent is understood to the last byte however it is cut, and what we write
// is byte for byte what they write.
import { describe, expect, it } from "vitest";
import type { Banana, BrokerMessage } from "../../../../../../server/protocols/pb/codec";
import {
  BananaDecoder,
  BananaWriter,
  readBrokerMessage,
  writeAnswer,
  writeCall,
  writeDecref,
  writeVersion,
} from "../../../../../../server/protocols/pb/codec";
import type { Capture } from "../../../../../support/wire-captures";
import { captures, cutAt, eachByte, sameBytes } from "../../../../../support/wire-captures";

/** The first element (dialects, or the choice of one) is without vocabulary. */
function decode(pieces: Uint8Array[]): Banana[] {
  const decoder = new BananaDecoder();
  const elements: Banana[] = [];
  for (const piece of pieces) {
    decoder.push(piece);
    for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
      elements.push(next);
      decoder.usesVocabulary = true;
    }
  }
  expect(decoder.isMidElement).toBe(false);
  return elements;
}

function encode(elements: Banana[]): Uint8Array {
  const writer = new BananaWriter({ usesVocabulary: false });
  for (const element of elements) {
    writer.value(element);
    writer.usesVocabulary = true;
  }
  return writer.take();
}

function write(writer: BananaWriter, message: BrokerMessage): void {
  if (message.kind === "message") writeCall(writer, message);
  else if (message.kind === "answer") writeAnswer(writer, message.request, message.value);
  else if (message.kind === "decref") writeDecref(writer, message.object);
  else if (message.kind === "version") writeVersion(writer);
}

const all = captures();
const named = (capture: Capture) =>
  [`${capture.version} ${capture.scenario} ${capture.direction}`, capture] as const;

describe("captures", () => {
  it("are there", () => {
    expect(all.length).toBeGreaterThan(80);
  });

  it.each(all.map(named))("%s: same elements however cut, same bytes again", (_, capture) => {
    const elements = decode([capture.bytes]);
    expect(sameBytes(encode(elements), capture.bytes)).toBe(true);
    const chunked = decode(cutAt(capture.bytes, capture.chunkLengths));
    const trickled = decode(eachByte(capture.bytes));
    // Comparing the bytes they encode to is as strict as comparing trees, and much faster.
    expect(sameBytes(encode(chunked), capture.bytes)).toBe(true);
    expect(sameBytes(encode(trickled), capture.bytes)).toBe(true);
  });

  it.each(all.map(named))("%s: every message is understood and written alike", (_, capture) => {
    for (const element of decode([capture.bytes]).slice(1)) {
      const message = readBrokerMessage(element);
      // Failures lose their filler, and times that happen to be whole their point: both on purpose.
      if (message.kind === "error" || holdsFailure(message)) continue;
      const writer = new BananaWriter({ usesVocabulary: true });
      write(writer, message);
      const original = new BananaWriter({ usesVocabulary: true });
      original.value(element);
      expect(sameBytes(writer.take(), original.take())).toBe(true);
    }
  });
});

function holdsFailure(message: BrokerMessage): boolean {
  return message.kind === "message" && message.method === "complete" && message.args[0] !== null;
}
