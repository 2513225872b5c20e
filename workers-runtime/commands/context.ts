/** What every command is given, and what it may do. */
import { isAbsolute, resolve } from "node:path";
import type { UpdateBatch } from "../output/update-batch";
import type { Environment } from "../process/environment";

export interface CommandContext {
  /** The builder's directory, absolute; paths of the master are relative to it. */
  readonly builderDir: string;
  /** The worker's own environment, as builds may see it. */
  readonly environ: Environment;
  readonly batch: UpdateBatch;
  /** Fires when the command is to end early. */
  readonly stop: AbortSignal;
}

/**
 * Carries one command out. It sends its own `rc`; `elapsed` and the end come after it. Rejects when
 * the worker could not do what was asked, in words for the log.
 */
export type Execute<Args> = (args: Args, context: CommandContext) => Promise<void>;

/**
 * A path as the master gives it: relative to the builder's directory, or absolute. It is tidied unless
 * it has `..` in it: `a/../b` is not `b` where `a` is a link.
 */
export function pathOf({ builderDir }: CommandContext, ...parts: readonly string[]): string {
  const path = parts.reduce(
    (base, part) => (isAbsolute(part) ? part : `${base}/${part}`),
    builderDir,
  );
  return path.split("/").includes("..") ? path : resolve(path);
}

/** Like `pathOf`, with a leading `~` for the home directory of the worker. */
export function homePathOf(context: CommandContext, ...parts: readonly string[]): string {
  const home = context.environ.HOME;
  const expanded = parts.map((part) =>
    home !== undefined && isAbsolute(home) && /^~(\/|$)/.test(part) ? home + part.slice(1) : part,
  );
  return pathOf(context, ...expanded);
}
