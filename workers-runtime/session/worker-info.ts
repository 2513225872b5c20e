/** What this worker tells its master of itself (protocol §2.9). */
import { readdir, readFile, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { KEEPS_COMMANDS, keepsValue } from "../../server/domain/wire";
import { WORKER_COMMANDS } from "../commands";
import type { Environment } from "../process/environment";
import type { WorkerInfo } from "../transports/transport";

export const VERSION = "slipway-worker 0.1.0";

const MAX_INFO_FILE_BYTES = 64 * 1024;

export interface InfoOptions {
  readonly basedir: string;
  readonly environ: Environment;
  readonly deleteLeftoverDirs: boolean;
  readonly numcpus: number | null;
  /** Of a worker that keeps its commands. */
  readonly mark: string | null;
}

/** Read anew at each login, so that a changed file of `info/` is told at the next one. */
export async function workerInfo(options: InfoOptions): Promise<WorkerInfo> {
  return {
    ...(await osRelease()),
    ...(await infoFiles(join(options.basedir, "info"))),
    environ: options.environ,
    system: "posix",
    basedir: options.basedir,
    numcpus: options.numcpus ?? availableParallelism(),
    version: VERSION,
    worker_commands: WORKER_COMMANDS,
    delete_leftover_dirs: options.deleteLeftoverDirs,
    ...(options.mark === null ? {} : { [KEEPS_COMMANDS]: keepsValue(options.mark) }),
  };
}

async function infoFiles(directory: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const name of await readdir(directory).catch(() => [])) {
    const path = join(directory, name);
    const told = await stat(path).catch(() => null);
    if (!told?.isFile() || told.size > MAX_INFO_FILE_BYTES) continue;
    files[name] = await readFile(path, "utf8");
  }
  return files;
}

async function osRelease(): Promise<Record<string, string>> {
  const text = await readFile("/etc/os-release", "utf8").catch(() => "");
  return Object.fromEntries(
    text.split("\n").flatMap((line) => {
      const [, key, quoted = ""] = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(line) ?? [];
      if (key === undefined) return [];
      return [[`os_${key.toLowerCase()}`, quoted.replace(/^(["'])(.*)\1$/, "$2")]];
    }),
  );
}
