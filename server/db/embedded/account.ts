import { execFile } from "node:child_process";
import { chown, cp, lstat, mkdir, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Binaries } from "./binaries";

const run = promisify(execFile);

/** The account that owns nothing on Unix systems ("nobody"). */
const NOBODY = 65_534;

/** PostgreSQL refuses to run as root; this says as whom, and with which copy of it, it runs. */
export interface Account {
  binaries: Binaries;
  /** What to spawn for a program of PostgreSQL and its arguments. */
  command(program: string, args: string[]): [string, string[]];
  spawnOptions: { uid?: number; gid?: number };
  /** Gives files to the account; does nothing when they are its own already. */
  own(path: string): Promise<void>;
}

/**
 * An ordinary user runs it directly. Root uses, in this order: the owner of a cluster that an
 * ordinary user made, a user namespace that shows root as somebody else (no file changes hands), and
 * the account `nobody`.
 *
 * @param cluster folder of the cluster, which may not exist yet
 */
export async function chooseAccount(binaries: Binaries, cluster: string): Promise<Account> {
  if (process.getuid?.() !== 0) return direct(binaries);
  const owner = await stat(cluster).catch(() => null);
  if (owner && owner.uid !== 0) return as(owner.uid, owner.gid, binaries, cluster);
  if (await hasUserNamespaces(binaries.postgres)) return inNamespace(binaries);
  return as(NOBODY, NOBODY, binaries, cluster);
}

function direct(binaries: Binaries): Account {
  return {
    binaries,
    command: (program, args) => [program, args],
    spawnOptions: {},
    own: async () => {},
  };
}

const MAP = ["--user", "--map-user=1000", "--map-group=1000", "--"];

async function hasUserNamespaces(program: string): Promise<boolean> {
  return run("unshare", [...MAP, program, "--version"]).then(
    () => true,
    () => false,
  );
}

function inNamespace(binaries: Binaries): Account {
  return {
    ...direct(binaries),
    command: (program, args) => ["unshare", [...MAP, program, ...args]],
  };
}

async function as(uid: number, gid: number, binaries: Binaries, cluster: string): Promise<Account> {
  const unreachable = await closedFolder(dirname(cluster), uid);
  if (unreachable) {
    throw new Error(
      `SLIPWAY_DATA_DIR: PostgreSQL may not run as root and its account cannot enter ` +
        `${unreachable}; choose a folder that others may enter, such as /var/lib/slipway`,
    );
  }
  return {
    ...direct(await reachableBinaries(binaries, cluster, uid)),
    spawnOptions: { uid, gid },
    own: (path) => giveTo(uid, gid, path),
  };
}

/** A checkout in root's home is closed to everyone else: then a copy beside the cluster serves. */
async function reachableBinaries(
  binaries: Binaries,
  cluster: string,
  uid: number,
): Promise<Binaries> {
  if ((await closedFolder(binaries.native, uid)) === null) return binaries;
  const native = join(dirname(cluster), "postgres-programs");
  await mkdir(native, { recursive: true, mode: 0o755 });
  await cp(binaries.native, native, { recursive: true, verbatimSymlinks: true, force: true });
  const moved = (program: string) => program.replace(binaries.native, native);
  return { native, initdb: moved(binaries.initdb), postgres: moved(binaries.postgres) };
}

/** First folder on the way to `path` that `uid` cannot pass, or `null`. Folders not made yet pass. */
async function closedFolder(path: string, uid: number): Promise<string | null> {
  const above = dirname(path) === path ? null : await closedFolder(dirname(path), uid);
  if (above !== null) return above;
  const facts = await stat(path).catch(() => null);
  if (facts === null) return null;
  const needed = facts.uid === uid ? 0o100 : 0o001;
  return facts.mode & needed ? null : path;
}

async function giveTo(uid: number, gid: number, path: string): Promise<void> {
  const facts = await lstat(path);
  if (facts.uid !== uid || facts.gid !== gid) await chown(path, uid, gid);
  if (!facts.isDirectory()) return;
  for (const name of await readdir(path)) await giveTo(uid, gid, join(path, name));
}
