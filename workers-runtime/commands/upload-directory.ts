/**
 * `uploadDirectory`: what is in a directory, as one tar stream (protocol §4.3).
 *
 * The stream comes from the system's `tar` and goes to the master as it is made: no copy of the whole
 * lies about on the worker, and `tar` waits while the master does.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { opendir } from "node:fs/promises";
import type { Readable } from "node:stream";
import type { Command } from "../../server/domain/wire";
import { type Execute, homePathOf } from "./context";
import { systemError } from "./file-result";
import { blockSize, INTERRUPTED } from "./transfer";

type Upload = Extract<Command, { name: "uploadDirectory" }>;

const COMPRESSION = { gz: "--gzip", bz2: "--bzip2" } as const;
const MAX_COMPLAINT_BYTES = 8 * 1024;

/** What arrived is unpacked even after an interrupt, as the master expects. */
export const uploadDirectory: Execute<Upload> = async ({ args, writer }, context) => {
  const { batch, stop } = context;
  const path = homePathOf(context, args.workdir, args.workersrc);
  batch.text("header", `sending ${path}\n`);
  try {
    await (await opendir(path)).close();
  } catch (error) {
    const { words } = systemError(error);
    batch.value({ key: "rc", value: 1 });
    batch.text("stderr", `Cannot read directory '${path}' for upload: ${words}\n`);
    return;
  }
  const compression = args.compress === null ? [] : [COMPRESSION[args.compress]];
  const tar = spawn("tar", ["-c", ...compression, "-C", path, "-f", "-", "."], {
    env: context.environ as NodeJS.ProcessEnv,
    stdio: ["ignore", "pipe", "pipe"],
  });
  await once(tar, "spawn");
  const ended = once(tar, "close");
  const complaint = keepStart(tar.stderr);
  let problem: string | null = null;
  try {
    let sent = 0;
    const limit = args.maxsize ?? Number.POSITIVE_INFINITY;
    for await (const piece of inBlocks(tar.stdout, blockSize(args.blocksize))) {
      const block = piece.subarray(0, limit - sent);
      if (stop.aborted) problem = INTERRUPTED;
      else if (block.length > 0) await writer.write(block);
      sent += block.length;
      if (block.length < piece.length) problem = `Maximum filesize reached, truncating '${path}'`;
      if (problem !== null) break;
    }
  } catch (error) {
    tar.kill("SIGKILL");
    throw error;
  }
  if (problem !== null) tar.kill("SIGKILL");
  const [code] = await ended;
  await writer.unpack();
  if (problem === null && code !== 0) problem = `tar ended with ${code}: ${complaint().trim()}`;
  batch.value({ key: "rc", value: problem === null ? 0 : 1 });
  if (problem !== null) batch.text("stderr", `${problem}\n`);
};

/** The stream in pieces of exactly `size` bytes, but for the last. */
async function* inBlocks(stream: Readable, size: number): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    waiting.push(chunk);
    bytes += chunk.length;
    if (bytes < size) continue;
    const whole = Buffer.concat(waiting, bytes);
    let start = 0;
    for (; whole.length - start >= size; start += size) yield whole.subarray(start, start + size);
    waiting = [whole.subarray(start)];
    bytes = whole.length - start;
  }
  if (bytes > 0) yield Buffer.concat(waiting, bytes);
}

function keepStart(stream: Readable): () => string {
  let kept = "";
  stream.on("data", (chunk: Buffer) => {
    if (kept.length < MAX_COMPLAINT_BYTES) kept += chunk.toString("utf8");
  });
  return () => kept.slice(0, MAX_COMPLAINT_BYTES);
}
