/** The recorded connections of tests/fixtures/wire, as test vectors. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../fixtures/wire");

export type CaptureVersion = "pb-3.7" | "pb-4.x";
export type Direction = "w2m" | "m2w";

export interface Capture {
  readonly version: CaptureVersion;
  readonly scenario: string;
  readonly direction: Direction;
  readonly bytes: Uint8Array;
  /** Lengths of the pieces it came in. */
  readonly chunkLengths: readonly number[];
}

export function captures(): Capture[] {
  return (["pb-3.7", "pb-4.x"] as const).flatMap((version) =>
    readdirSync(join(ROOT, version))
      .filter((file) => file.endsWith(".bin"))
      .sort()
      .map((file) => {
        const direction: Direction = file.endsWith(".w2m.bin") ? "w2m" : "m2w";
        return capture(version, file.replace(/\.(w2m|m2w)\.bin$/, ""), direction);
      }),
  );
}

export function capture(version: CaptureVersion, scenario: string, direction: Direction): Capture {
  const base = join(ROOT, version, scenario);
  const bytes = new Uint8Array(readFileSync(`${base}.${direction}.bin`));
  const chunkLengths = readFileSync(`${base}.chunks.jsonl`, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { dir: string; len?: number })
    .filter((piece) => piece.dir === direction && piece.len !== undefined)
    .map((piece) => piece.len as number);
  return { version, scenario, direction, bytes, chunkLengths };
}

export interface FrameCapture {
  readonly version: "msgpack-3.7" | "msgpack-4.x";
  readonly scenario: string;
  readonly direction: Direction;
  /** What the binary frames hold, unmasked, in order. */
  readonly frames: readonly Uint8Array[];
}

/** The recorded msgpack connections, without their handshakes. */
export function frameCaptures(): FrameCapture[] {
  return (["msgpack-3.7", "msgpack-4.x"] as const).flatMap((version) =>
    readdirSync(join(ROOT, version))
      .sort()
      .map((file) => {
        const [, scenario = "", direction] = /^(.+)\.(w2m|m2w)\.bin$/.exec(file) ?? [];
        const bytes = new Uint8Array(readFileSync(join(ROOT, version, file)));
        return {
          version,
          scenario,
          direction: direction as Direction,
          frames: binaryFrames(bytes.subarray(Buffer.from(bytes).indexOf("\r\n\r\n") + 4)),
        };
      }),
  );
}

/** WebSocket frames as real peers send them: whole messages, each in one frame (RFC 6455 §5.2). */
function binaryFrames(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const frames: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const [opcode, second] = [view.getUint8(offset) & 0x0f, view.getUint8(offset + 1)];
    const short = second & 0x7f;
    offset += 2;
    const length =
      short < 126 ? short : short === 126 ? view.getUint16(offset) : view.getUint32(offset + 4);
    offset += short < 126 ? 0 : short === 126 ? 2 : 8;
    const mask = second & 0x80 ? bytes.subarray(offset, offset + 4) : null;
    offset += mask === null ? 0 : 4;
    const payload = bytes.slice(offset, offset + length);
    if (mask !== null) {
      for (let index = 0; index < length; index++) {
        payload[index] = (payload[index] as number) ^ (mask[index % 4] as number);
      }
    }
    offset += length;
    if (opcode === 2) frames.push(payload);
  }
  return frames;
}

/** `bytes` cut into pieces of the given lengths; what is left over is the last piece. */
export function cutAt(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let offset = 0;
  for (const length of lengths) {
    pieces.push(bytes.slice(offset, offset + length));
    offset += length;
  }
  if (offset < bytes.length) pieces.push(bytes.slice(offset));
  return pieces.filter((piece) => piece.length > 0);
}

export function eachByte(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (_, index) => bytes.slice(index, index + 1));
}

/** Whether both hold the same bytes; comparing long arrays item by item in an assertion takes seconds. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
