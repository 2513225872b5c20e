/** `downloadFile`: a file of the master to the worker, block by block (protocol §4.3). */
import { constants } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import type { Command } from "../../server/domain/wire";
import { type Execute, homePathOf } from "./context";
import { systemError } from "./file-result";
import { blockSize, INTERRUPTED } from "./transfer";

/** Without waiting: a named pipe that nobody reads is refused, in place of keeping us for ever. */
const { O_CREAT, O_NONBLOCK, O_TRUNC, O_WRONLY } = constants;
const ANEW = O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK;

type Download = Extract<Command, { name: "downloadFile" }>;

/** The file is written in place; its mode is set right after it is made, before anything is in it. */
export const downloadFile: Execute<Download> = async ({ args, reader }, context) => {
  const { batch, stop } = context;
  const path = homePathOf(context, args.workdir, args.workerdest);
  let problem: string | null = null;
  let file: FileHandle | null = null;
  try {
    await mkdir(dirname(path), { recursive: true });
    file = await open(path, ANEW);
    if (args.mode !== null) await file.chmod(args.mode & 0o7777);
    const limit = args.maxsize ?? Number.POSITIVE_INFINITY;
    for (let received = 0; problem === null; ) {
      const wanted = Math.min(blockSize(args.blocksize), limit - received);
      if (stop.aborted) problem = INTERRUPTED;
      else if (wanted <= 0) problem = `Maximum filesize reached, truncating file '${path}'`;
      else {
        const block = await reader.read(wanted);
        if (block.length === 0) break;
        if (block.length > wanted) throw new Error("the master sent more than it was asked for");
        await file.writeFile(block);
        received += block.length;
      }
    }
  } catch (error) {
    problem = `Cannot write file '${path}': ${systemError(error).words}`;
  } finally {
    await file?.close();
    await reader.close();
  }
  batch.value({ key: "rc", value: problem === null ? 0 : 1 });
  if (problem !== null) batch.text("stderr", `${problem}\n`);
};
