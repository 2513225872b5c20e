/**
 * Where local workers live and as whom.
 *
 * Started by an ordinary user they run as that user, below the data directory. Started by root
 * they run as `nobody`, in a folder of their own outside the data directory, which they never see.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chown, copyFile, lstat, mkdir } from "node:fs/promises";
import { join } from "node:path";

/** The account that owns nothing on Unix systems. */
const NOBODY = 65_534;

export interface LocalHome {
  readonly folder: string;
  /** The account's own; each worker makes its directory in it. */
  readonly workers: string;
  /** The worker's program, readable by the account. */
  readonly program: string;
  readonly account: { readonly uid?: number; readonly gid?: number };
  /** Copies a file that is no secret to where the account can read it: alone in a folder, as `.pem`. */
  publish(name: string, file: string): Promise<string>;
}

export async function openLocalHome(dataDir: string, program: string): Promise<LocalHome> {
  const isRoot = process.getuid?.() === 0;
  const mark = createHash("sha256").update(dataDir).digest("hex").slice(0, 12);
  const folder = isRoot ? `/var/tmp/slipway-local-${mark}` : join(dataDir, "local");
  const workers = join(folder, "workers");
  await mkdir(folder, { recursive: true, mode: isRoot ? 0o755 : 0o700 });
  if (isRoot) await mustBeRoots(folder);
  await mkdir(workers, { recursive: true, mode: 0o755 });
  const publish = async (name: string, file: string) => {
    await mkdir(join(folder, name), { recursive: true, mode: 0o755 });
    const copy = join(folder, name, `${name}.pem`);
    await copyFile(file, copy);
    return copy;
  };
  if (!isRoot) return { folder, workers, program, account: {}, publish };
  // Nobody but root can put anything else in its place, so the owner of the right folder changes.
  await chown(workers, NOBODY, NOBODY);
  // A checkout in root's own home is closed to everybody else, so the program is copied out.
  const copy = join(folder, "worker.mjs");
  if (existsSync(program)) await copyFile(program, copy);
  return { folder, workers, program: copy, account: { uid: NOBODY, gid: NOBODY }, publish };
}

/**
 * Anybody may make a folder there, by a name that anybody may find out: a build that was left behind, say,
 * when an old one was cleared away. What root writes into it would go wherever its links lead.
 */
async function mustBeRoots(folder: string): Promise<void> {
  const found = await lstat(folder);
  if (found.isDirectory() && found.uid === 0 && (found.mode & 0o022) === 0) return;
  throw new Error(`${folder} is not a folder of root's alone: remove it, and start Slipway again`);
}
