/**
 * Both decoders against frames that are nearly right: recorded ones, each changed a little. A frame is
 * read, or refused by an error of the codec's own; anything else is a fault, and says which seed and
 * round make it again.
 */
import {
  decodeValue,
  encodeValue,
  MsgpackError,
  readMessage,
} from "../../server/protocols/msgpack/codec";
import {
  BananaDecoder,
  BananaError,
  BrokerError,
  JellyError,
  readBrokerMessage,
  TRUSTED_LIMITS,
} from "../../server/protocols/pb/codec";
import { mutateBytes } from "../support/mutate-bytes";
import { type SeededRandom, seededRandom } from "../support/seeded-random";
import { captures, frameCaptures } from "../support/wire-captures";

export type Dialect = "pb" | "msgpack";

export interface FuzzReport {
  readonly frames: number;
  readonly read: number;
  readonly refused: number;
  readonly seconds: number;
  /** Bytes of memory held, sampled: the least of the first tenth, the least of the last. */
  readonly heldFirst: number;
  readonly heldLast: number;
}

const LONGEST_FRAME = 4_000;
const LONGEST_CAPTURE = 100_000;
const SAMPLES = 100;

interface Target {
  readonly frames: readonly Uint8Array[];
  readonly typeByte: (random: SeededRandom) => number;
  /** @returns whether it could be read. Throws for a fault only. */
  take(frame: Uint8Array, random: SeededRandom): boolean;
}

const TARGETS: Readonly<Record<Dialect, () => Target>> = {
  pb: () => ({
    frames: captures()
      .filter(({ bytes }) => bytes.length < LONGEST_CAPTURE)
      .flatMap(({ bytes }) => elementsOf(bytes))
      .filter((frame) => frame.length < LONGEST_FRAME),
    typeByte: (random) => 0x80 + random.below(8),
    take(frame, random) {
      const decoder = new BananaDecoder(TRUSTED_LIMITS);
      decoder.usesVocabulary = true;
      const cut = random.below(frame.length);
      try {
        for (const piece of [frame.subarray(0, cut), frame.subarray(cut)]) {
          decoder.push(piece);
          for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
            readBrokerMessage(next);
          }
        }
        return true;
      } catch (error) {
        const isOwn =
          error instanceof BananaError ||
          error instanceof JellyError ||
          error instanceof BrokerError;
        if (isOwn) return false;
        throw error;
      }
    },
  }),
  msgpack: () => ({
    frames: frameCaptures()
      .flatMap(({ frames }) => frames)
      .filter((frame) => frame.length < LONGEST_FRAME),
    typeByte: (random) => 0xc0 + random.below(0x20),
    take(frame) {
      try {
        readMessage(frame);
        // What can be read can be written, and read again.
        decodeValue(encodeValue(decodeValue(frame)));
        return true;
      } catch (error) {
        if (error instanceof MsgpackError) return false;
        throw error;
      }
    },
  }),
};

/** The bytes of each element behind the greeting. */
function elementsOf(bytes: Uint8Array): Uint8Array[] {
  const decoder = new BananaDecoder(TRUSTED_LIMITS);
  const elements: Uint8Array[] = [];
  let start = 0;
  for (let index = 0; index < bytes.length; index++) {
    decoder.push(bytes.subarray(index, index + 1));
    if (decoder.next() === undefined) continue;
    if (decoder.usesVocabulary) elements.push(bytes.slice(start, index + 1));
    decoder.usesVocabulary = true;
    start = index + 1;
  }
  return elements;
}

export function fuzz(dialect: Dialect, frames: number, seed: number): FuzzReport {
  const target = TARGETS[dialect]();
  const random = seededRandom(seed);
  const outcomes = { read: 0, refused: 0 };
  const held: number[] = [];
  const every = Math.max(1, Math.floor(frames / SAMPLES));
  const from = performance.now();
  for (let round = 0; round < frames; round++) {
    const original = target.frames[random.below(target.frames.length)] as Uint8Array;
    const frame = mutateBytes(original, random, target.typeByte);
    try {
      outcomes[target.take(frame, random) ? "read" : "refused"]++;
    } catch (error) {
      const bytes = Buffer.from(frame).toString("hex");
      throw new Error(`seed ${seed}, round ${round}: ${bytes}`, { cause: error });
    }
    if (round % every === 0) {
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      held.push(heapUsed + arrayBuffers);
    }
  }
  const tenth = Math.ceil(held.length / 10);
  return {
    frames,
    ...outcomes,
    seconds: (performance.now() - from) / 1_000,
    heldFirst: Math.min(...held.slice(0, tenth)),
    heldLast: Math.min(...held.slice(-tenth)),
  };
}
