/** A folder of files as frames, and back. */
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { dirname, join, normalize, relative, sep } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { BackupError } from "./error";
import { data, type Frame, json } from "./format";
import type { FrameReader } from "./frame-reader";
import { file as fileFrame } from "./header";

/**
 * What goes away while it is looked at is left out: nothing in the snapshot's future needs it. So are
 * links, which may lead anywhere.
 *
 * @param leftOut gets what is neither a file nor a folder
 */
export async function* dumpFolder(folder: string, leftOut: string[]): AsyncGenerator<Frame> {
  for await (const path of filesIn(folder, leftOut)) {
    const stream = createReadStream(path);
    const isThere = await new Promise<boolean>((resolve, reject) => {
      stream.once("open", () => resolve(true));
      stream.once("error", (error) => (isGone(error) ? resolve(false) : reject(error)));
    });
    if (!isThere) continue;
    yield json("file", { path: relative(folder, path).split(sep).join("/") });
    for await (const bytes of stream) yield* data(bytes as Buffer);
    yield json("end", {});
  }
}

async function* filesIn(folder: string, leftOut: string[]): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error) => {
    if (isGone(error)) return [];
    throw error;
  });
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesIn(path, leftOut);
    else if (entry.isFile()) yield path;
    else leftOut.push(path);
  }
}

const isGone = (error: unknown) => (error as NodeJS.ErrnoException).code === "ENOENT";

/** From its `file` frame on, which has been read. */
export async function loadFile(folder: string, frames: FrameReader): Promise<void> {
  const path = join(folder, inside(fileFrame.parse(frames.read("file")).path));
  await mkdir(dirname(path), { recursive: true });
  await pipeline(
    Readable.from(frames.data(), { objectMode: false }),
    createWriteStream(path, { flush: true }),
  );
  frames.end();
}

/** @throws BackupError for a path that leads out of the folder */
function inside(path: string): string {
  const plain = normalize(path);
  if (plain.startsWith("..") || plain.startsWith("/") || plain.includes("\0")) {
    throw new BackupError("file", `the backup holds a file outside of its folder: ${path}`);
  }
  return plain;
}
