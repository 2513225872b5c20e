/** The commands this worker knows. One file each; add a line here and to `WORKER_COMMANDS`. */
import type { WorkerCommand } from "./command";
import type { CommandContext } from "./context";
import { downloadFile } from "./download-file";
import { glob } from "./glob";
import { listdir } from "./listdir";
import { mkdir } from "./mkdir";
import { rmfile } from "./rmfile";
import { shell } from "./shell";
import { stat } from "./stat";
import { cpdir, rmdir } from "./trees";
import { uploadDirectory } from "./upload-directory";
import { uploadFile } from "./upload-file";

/** Names as both protocols spell them, told to the master with the level of the newest Buildbot. */
export const WORKER_COMMANDS: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ...["shell", "mkdir", "rmdir", "cpdir", "stat", "glob", "listdir", "rmfile"],
    ...["uploadFile", "upload_file", "uploadDirectory", "upload_directory"],
    ...["downloadFile", "download_file"],
  ].map((name) => [name, "3.3"]),
);

export type { WorkerCommand } from "./command";

/** Whether a command only looks at files or names, and is over before anybody could interrupt it. */
export function isInstant({ name }: WorkerCommand): boolean {
  return ["mkdir", "stat", "glob", "listdir", "rmfile"].includes(name);
}

/** Whether a command's other end is an object of the master's, which goes with the connection. */
export function isTransfer({ name }: WorkerCommand): boolean {
  return ["uploadFile", "uploadDirectory", "downloadFile"].includes(name);
}

/** Carries a command out; see `Execute`. */
export function execute(command: WorkerCommand, context: CommandContext): Promise<void> {
  switch (command.name) {
    case "shell":
      return shell(command.args, context);
    case "mkdir":
      return mkdir(command.args, context);
    case "rmdir":
      return rmdir(command.args, context);
    case "cpdir":
      return cpdir(command.args, context);
    case "stat":
      return stat(command.args, context);
    case "glob":
      return glob(command.args, context);
    case "listdir":
      return listdir(command.args, context);
    case "rmfile":
      return rmfile(command.args, context);
    case "uploadFile":
      return uploadFile(command, context);
    case "uploadDirectory":
      return uploadDirectory(command, context);
    case "downloadFile":
      return downloadFile(command, context);
  }
}
