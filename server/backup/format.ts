/**
 * The file: a line that says what it is and in which version, then one gzip stream of frames. A
 * frame is a letter, a length and that many bytes; the last one is the SHA-256 of all before it, so
 * a file that was cut short or changed is known as such before anything is done with it.
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline as piped, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { BackupError } from "./error";
import { syncFolder } from "./sync";

const MAGIC = "slipway backup 1\n";

/** What a frame is, as its letter. */
const LETTERS = {
  header: "H",
  table: "T",
  file: "F",
  data: "D",
  end: "E",
  sequences: "S",
} as const;
export type FrameKind = keyof typeof LETTERS;
const TRAILER = "Z";

export interface Frame {
  readonly kind: FrameKind;
  readonly payload: Buffer;
}

const PREFIX_BYTES = 5;
/** Writers stay below it; a length beyond it is damage. */
const MAX_PAYLOAD = 4 * 1024 * 1024;
const MAX_DATA = 1024 * 1024;
/** Most of a large file is logs, which are compressed already: trying harder gains nothing. */
const GZIP_LEVEL = 3;
const CHUNK_BYTES = 256 * 1024;

export const json = (kind: FrameKind, value: unknown): Frame => ({
  kind,
  payload: Buffer.from(JSON.stringify(value)),
});

/** Bytes of any length as frames. */
export function* data(bytes: Buffer): Generator<Frame> {
  for (let at = 0; at < bytes.length; at += MAX_DATA) {
    yield { kind: "data", payload: bytes.subarray(at, at + MAX_DATA) };
  }
}

/**
 * Writes the file under another name first, readable by its owner alone: it has its name once it is
 * complete and on disk.
 * @returns its size in bytes
 */
export async function writeFrames(
  file: string,
  frames: AsyncIterable<Frame>,
  signal: AbortSignal,
): Promise<number> {
  const draft = `${file}.partial`;
  await rm(draft, { force: true });
  try {
    // Flushed: on disk before it is closed.
    const target = createWriteStream(draft, { flags: "wx", mode: 0o600, flush: true });
    target.write(MAGIC);
    await pipeline(
      Readable.from(encoded(frames), { objectMode: false }),
      createGzip({ level: GZIP_LEVEL, chunkSize: CHUNK_BYTES }),
      target,
      { signal },
    );
    await rename(draft, file);
    await syncFolder(dirname(file));
    return (await stat(file)).size;
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

async function* encoded(frames: AsyncIterable<Frame>): AsyncGenerator<Buffer> {
  const hash = createHash("sha256");
  for await (const { kind, payload } of frames) {
    const bytes = bytesOf(LETTERS[kind], payload);
    hash.update(bytes);
    yield bytes;
  }
  yield bytesOf(TRAILER, hash.digest());
}

function bytesOf(letter: string, payload: Buffer): Buffer {
  if (payload.length > MAX_PAYLOAD) throw new Error(`a frame of ${payload.length} bytes`);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.write(letter, "latin1");
  prefix.writeUInt32BE(payload.length, 1);
  return Buffer.concat([prefix, payload]);
}

/**
 * The frames in order; after the last one the sum has been compared.
 * @throws BackupError when it is no such file, of another version, cut short or changed
 */
export async function* readFrames(file: string): AsyncGenerator<Frame> {
  await checkMagic(file);
  try {
    yield* decoded(file, unzipped(file));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    throw code.startsWith("Z_") ? damaged(file) : error;
  }
}

async function checkMagic(file: string): Promise<void> {
  const found = await beginning(file).catch((error: Error) => {
    throw new BackupError("file", `${file} cannot be read: ${error.message}`);
  });
  if (found === MAGIC) return;
  if (/^slipway backup \d+\n/.test(found)) {
    throw new BackupError("file", `${file} is a backup of another version of Slipway`);
  }
  throw new BackupError("file", `${file} is not a backup of Slipway`);
}

async function beginning(file: string): Promise<string> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAGIC.length));
    return buffer.subarray(0, bytesRead).toString("latin1");
  } finally {
    await handle.close();
  }
}

function unzipped(file: string): AsyncIterable<Buffer> {
  const source = createReadStream(file, { start: MAGIC.length, highWaterMark: CHUNK_BYTES });
  // A fault of the source ends the other; that is where it is heard.
  return piped(source, createGunzip({ chunkSize: CHUNK_BYTES }), () => {});
}

async function* decoded(file: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  const hash = createHash("sha256");
  const kinds = new Map<string, FrameKind>(
    Object.entries(LETTERS).map(([kind, letter]) => [letter, kind as FrameKind]),
  );
  let pending: Buffer = Buffer.alloc(0);
  let isComplete = false;
  for await (const chunk of chunks) {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= PREFIX_BYTES) {
      const letter = pending.toString("latin1", 0, 1);
      const length = pending.readUInt32BE(1);
      const kind = kinds.get(letter);
      if (isComplete || length > MAX_PAYLOAD || (!kind && letter !== TRAILER)) throw damaged(file);
      if (pending.length < PREFIX_BYTES + length) break;
      const payload = pending.subarray(PREFIX_BYTES, PREFIX_BYTES + length);
      if (kind) {
        hash.update(pending.subarray(0, PREFIX_BYTES + length));
        yield { kind, payload };
      } else {
        if (!hash.digest().equals(payload)) throw damaged(file);
        isComplete = true;
      }
      pending = pending.subarray(PREFIX_BYTES + length);
    }
  }
  if (!isComplete || pending.length > 0) throw damaged(file);
}

function damaged(file: string): BackupError {
  return new BackupError("file", `${file} is damaged or was cut short`);
}
