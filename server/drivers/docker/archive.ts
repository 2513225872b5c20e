/** What an image is built from: the text of a Dockerfile, or an archive in the server's folder for them. */
import { createReadStream } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { resolve, sep } from "node:path";
import { createGzip } from "node:zlib";
import { DriverError } from "../contract";

const BLOCK = 512;

/** An archive (ustar) that holds nothing but this Dockerfile. */
export function dockerfileArchive(text: string): Buffer {
  const content = Buffer.from(text, "utf8");
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, "0")}\0`;
  header.write("Dockerfile", 0);
  header.write(octal(0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(content.length, 12), 124);
  // The same text is the same archive, so that what was built from it is found again.
  header.write(octal(0, 12), 136);
  header.write("        0", 148);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
  return Buffer.concat([header, content, padding, Buffer.alloc(2 * BLOCK)]);
}

export interface Context {
  /** Its path, from the folder. */
  readonly path: string;
  /** Archives lie here; null: none is read. */
  readonly folder: string | null;
  /** How it is to be compressed when it is sent. */
  readonly encoding: Encoding | undefined;
  readonly note: (line: string) => void;
}
export type Encoding = "gzip" | "bzip" | "bzip2" | "xz" | "identity";

/**
 * An archive of the server's own, from the one folder that is there for them: whoever may write options
 * may have it read and sent to an engine of their choice. One that is not compressed is, on its way, where
 * that is asked for; of one that is the engine sees how, whatever is said of it.
 *
 * @throws DriverError when it may not be had
 */
export async function contextArchive(context: Context): Promise<NodeJS.ReadableStream> {
  const { path, folder, encoding } = context;
  if (folder === null) {
    throw refused(path, "this installation reads no files of its host: write the dockerfile out");
  }
  let found: string;
  try {
    const root = await realpath(folder);
    found = await realpath(resolve(root, path));
    if (!found.startsWith(root + sep)) throw refused(path, `it must lie in ${folder}`);
  } catch (error) {
    if (error instanceof DriverError) throw error;
    throw refused(path, `there is no such file in ${folder}`);
  }
  const compression = await compressionOf(found);
  if (compression === null) throw refused(path, "it is no archive (tar, gzip, bzip2, xz)");
  const file = createReadStream(found);
  if (encoding === undefined || compression === (encoding === "bzip" ? "bzip2" : encoding)) {
    return file;
  }
  if (compression === "identity" && encoding === "gzip") {
    const packed = createGzip();
    file.on("error", (error) => packed.destroy(error));
    packed.once("close", () => file.destroy());
    return file.pipe(packed);
  }
  const is = compression === "identity" ? "not compressed" : compression;
  context.note(`the context ${path} is ${is}, and not ${encoding}: it is sent as it is`);
  return file;
}

const refused = (path: string, why: string) =>
  new DriverError("bad-configuration", `the context ${path} cannot be used: ${why}`);

const SIGNATURES: readonly (readonly [string, Compression])[] = [
  ["1f8b", "gzip"],
  ["425a68", "bzip2"],
  ["fd377a585a00", "xz"],
  ["28b52ffd", "zstd"],
];
type Compression = "gzip" | "bzip2" | "xz" | "zstd" | "identity";

/** Null: it is no archive. */
async function compressionOf(path: string): Promise<Compression | null> {
  if (!(await stat(path)).isFile()) return null;
  const file = await open(path);
  try {
    const head = Buffer.alloc(BLOCK);
    await file.read(head, 0, BLOCK, 0);
    const begin = head.toString("hex", 0, 8);
    const known = SIGNATURES.find(([signature]) => begin.startsWith(signature));
    if (known) return known[1];
    return head.toString("latin1", 257, 262) === "ustar" ? "identity" : null;
  } finally {
    await file.close();
  }
}
