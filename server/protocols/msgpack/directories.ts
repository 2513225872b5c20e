/**
 * The directories of the builders, which over msgpack are the master's to make (protocol §6.1).
 *
 * A worker that asked for it loses those that no builder has. So the list of builders has to be the
 * whole one, always (spec W-203).
 */
import type { BuilderRef, CommandEnd, CommandSink, StatResult } from "../../domain/wire";
import { SessionLost } from "../contract";
import type { Value } from "./codec";
import type { WorkerPaths } from "./worker-paths";

/** Holds what the worker says of itself. */
const INFO = "info";
const FILE_TYPE = 0o170000;
const DIRECTORY = 0o040000;

/** Runs a command of ours, not of a builder. */
export type RunOwn = (
  name: string,
  args: { readonly [key: string]: Value },
  sink: CommandSink,
) => Promise<CommandEnd>;

export async function arrangeDirectories(
  builders: readonly BuilderRef[],
  options: {
    readonly paths: WorkerPaths;
    readonly removesLeftovers: boolean;
    readonly run: RunOwn;
  },
): Promise<void> {
  const { paths, run } = options;
  const found = new Listing();
  await must(run("listdir", { path: paths.basedir }, found), "list its base directory");
  const wanted = new Set([INFO, ...builders.map((builder) => builder.builddir)]);
  if (options.removesLeftovers) {
    // The part that stands in the base directory is what makes a name wanted.
    const kept = new Set([...wanted].map((name) => name.split(/[/\\]/)[0]));
    await removeDirectories(
      found.names.filter((name) => !kept.has(name)).map((name) => paths.join(name)),
      run,
    );
  }
  const there = new Set(found.names);
  const missing = [...wanted].filter((name) => !there.has(name)).map((name) => paths.join(name));
  if (missing.length === 0) return;
  await must(run("mkdir", { paths: missing }, found), "make the directories of its builders");
}

async function removeDirectories(paths: readonly string[], run: RunOwn): Promise<void> {
  const looked = await Promise.all(
    paths.map(async (path) => {
      const looking = new Listing();
      await run("stat", { path }, looking);
      return looking.isDirectory ? [path] : [];
    }),
  );
  const leftovers = looked.flat();
  // What cannot be removed stays: no reason to turn the worker away.
  if (leftovers.length > 0) await run("rmdir", { paths: leftovers }, new Listing());
}

async function must(running: Promise<CommandEnd>, what: string): Promise<void> {
  const end = await running;
  if (end.kind === "completed" && end.rc === 0) return;
  if (end.kind === "lost") throw new SessionLost(end.message);
  const why = end.kind === "completed" ? `rc ${end.rc}` : end.message;
  throw new Error(`the worker could not ${what}: ${why}`);
}

/** Keeps what a look at a directory gives. */
class Listing implements CommandSink {
  names: readonly string[] = [];
  isDirectory = false;

  output(): void {}

  log(): void {}

  files(names: readonly string[]): void {
    this.names = names;
  }

  stat(value: StatResult): void {
    this.isDirectory = ((value[0] ?? 0) & FILE_TYPE) === DIRECTORY;
  }
}
