/** Commands as msgpack spells them: other names, and absolute paths (protocol §4.1). */
import type { Command } from "../../domain/wire";
import type { Value } from "./codec";
import { withoutHidden } from "./hidden-arguments";
import {
  directoryWriterTransfer,
  fileReaderTransfer,
  fileWriterTransfer,
  MAX_BLOCK_BYTES,
  type Transfer,
} from "./transfer";
import type { WorkerPaths } from "./worker-paths";

export interface EncodedCommand {
  readonly name: string;
  readonly args: { readonly [key: string]: Value | undefined };
  /** For commands that move a file. */
  readonly transfer: Transfer | null;
}

/** Throws, in words for the step's log, when the worker cannot be told. */
export function encodeCommand(
  command: Command,
  paths: WorkerPaths,
  builddir: string,
): EncodedCommand {
  const at = (...names: readonly string[]) => paths.join(builddir, ...names);
  const plain = (args: EncodedCommand["args"]): EncodedCommand => ({
    ...{ name: command.name, args },
    transfer: null,
  });
  switch (command.name) {
    case "shell": {
      const args = withoutHidden(command.args, paths.isPosix);
      return plain({ ...args, command: args.command as Value, workdir: at(args.workdir) });
    }
    case "mkdir":
      return plain({ paths: [at(command.args.dir)] });
    case "rmdir": {
      const { dir, ...rest } = command.args;
      return plain({ ...rest, paths: [dir].flat().map((name) => at(name)) });
    }
    case "cpdir": {
      const { fromdir, todir, ...rest } = command.args;
      return plain({ ...rest, from_path: at(fromdir), to_path: at(todir) });
    }
    case "stat":
      return plain({ path: at(command.args.workdir ?? "", command.args.file) });
    case "glob":
      return plain({ path: at(command.args.path) });
    case "listdir":
      return plain({ path: at(command.args.dir) });
    case "rmfile":
      return plain({ path: at(paths.expand(command.args.path)) });
    case "uploadFile":
    case "uploadDirectory": {
      const { workersrc, blocksize, workdir, ...rest } = command.args;
      const path = at(workdir, paths.expand(workersrc));
      return {
        name: command.name === "uploadFile" ? "upload_file" : "upload_directory",
        args: { ...rest, path, blocksize: Math.min(blocksize, MAX_BLOCK_BYTES) },
        transfer:
          command.name === "uploadFile"
            ? fileWriterTransfer(command.writer)
            : directoryWriterTransfer(command.writer),
      };
    }
    case "downloadFile": {
      const { workerdest, blocksize, workdir, ...rest } = command.args;
      const path = at(workdir, paths.expand(workerdest));
      return {
        name: "download_file",
        args: { ...rest, path, blocksize: Math.min(blocksize, MAX_BLOCK_BYTES) },
        transfer: fileReaderTransfer(command.reader),
      };
    }
    default: {
      // No command of ours; the worker says what it makes of it.
      const unknown = command as { name: string; args: EncodedCommand["args"] };
      return { name: unknown.name, args: { ...unknown.args }, transfer: null };
    }
  }
}
