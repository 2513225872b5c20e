/** What an image is built from: the text of a Dockerfile, or an archive in the server's folder for them. */
import { createReadStream } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { resolve, sep } from "node:path";
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

/**
 * An archive of the server's own, from the one folder that is there for them: whoever may write options
 * may have it read and sent to an engine of their choice.
 *
 * @throws DriverError when it may not be had
 */
export async function contextArchive(
  path: string,
  folder: string | null,
): Promise<NodeJS.ReadableStream> {
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
  if (!(await isArchive(found))) throw refused(path, "it is no archive (tar, gzip, bzip2, xz)");
  return createReadStream(found);
}

const refused = (path: string, why: string) =>
  new DriverError("bad-configuration", `the context ${path} cannot be used: ${why}`);

const SIGNATURES = ["1f8b", "425a68", "fd377a585a00", "28b52ffd"];

async function isArchive(path: string): Promise<boolean> {
  if (!(await stat(path)).isFile()) return false;
  const file = await open(path);
  try {
    const head = Buffer.alloc(BLOCK);
    await file.read(head, 0, BLOCK, 0);
    const begin = head.toString("hex", 0, 8);
    return (
      SIGNATURES.some((signature) => begin.startsWith(signature)) ||
      head.toString("latin1", 257, 262) === "ustar"
    );
  } finally {
    await file.close();
  }
}
