/** `uploadFile`: a file of the worker to the master, block by block (protocol §4.3). */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { Command } from "../../server/domain/wire";
import { type Execute, homePathOf } from "./context";
import { blockSize, INTERRUPTED } from "./transfer";

type Upload = Extract<Command, { name: "uploadFile" }>;

/**
 * The master is told `close` whatever happens, so that it can put its temporary away. Times come after
 * it: they are those of the final file.
 */
export const uploadFile: Execute<Upload> = async ({ args, writer }, context) => {
  const { batch, stop } = context;
  const path = homePathOf(context, args.workdir, args.workersrc);
  batch.text("header", `sending ${path}\n`);
  const file = await openFile(path);
  if (file === null) {
    await writer.close();
    batch.value({ key: "rc", value: 1 });
    batch.text("stderr", `Cannot open file '${path}' for upload\n`);
    return;
  }
  let problem: string | null = null;
  try {
    const times = await file.stat();
    const limit = args.maxsize ?? Number.POSITIVE_INFINITY;
    const block = Buffer.allocUnsafe(blockSize(args.blocksize));
    for (let sent = 0; problem === null; ) {
      const wanted = Math.min(block.length, limit - sent);
      if (stop.aborted) problem = INTERRUPTED;
      else if (wanted <= 0) problem = `Maximum filesize reached, truncating file '${path}'`;
      else {
        const { bytesRead } = await file.read(block, 0, wanted);
        if (bytesRead === 0) break;
        // Answered before the next block is read into the same buffer.
        await writer.write(block.subarray(0, bytesRead));
        sent += bytesRead;
      }
    }
    await writer.close();
    if (args.keepstamp) await writer.utime(times.atimeMs / 1000, times.mtimeMs / 1000);
  } finally {
    await file.close();
  }
  batch.value({ key: "rc", value: problem === null ? 0 : 1 });
  if (problem !== null) batch.text("stderr", `${problem}\n`);
};

/** A regular file, or null. Without waiting: a named pipe that nobody writes would keep us for ever. */
async function openFile(path: string): Promise<FileHandle | null> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if ((await file.stat()).isFile()) return file;
    await file.close();
  } catch {
    // It is told like a file that is not there.
  }
  return null;
}
