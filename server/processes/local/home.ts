/**
 * Where local workers live and as whom.
 *
 * Started by an ordinary user they run as that user, below the data directory. Started by root
 * they run as `nobody`, in a folder of their own outside the data directory, which they never see.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chown, copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";

/** The account that owns nothing on Unix systems. */
const NOBODY = 65_534;

export interface LocalHome {
  readonly folder: string;
  /** The worker's program, readable by the account. */
  readonly program: string;
  readonly account: { readonly uid?: number; readonly gid?: number };
  /** Makes a folder of the account's own. */
  makeFolder(path: string): Promise<void>;
}

export async function openLocalHome(dataDir: string, program: string): Promise<LocalHome> {
  if (process.getuid?.() !== 0) {
    const folder = join(dataDir, "local");
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return {
      folder,
      program,
      account: {},
      async makeFolder(path) {
        await mkdir(path, { recursive: true });
      },
    };
  }
  // A checkout in root's own home is closed to everybody else, so the program is copied out.
  const mark = createHash("sha256").update(dataDir).digest("hex").slice(0, 12);
  const folder = `/var/tmp/slipway-local-${mark}`;
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const copy = join(folder, "worker.mjs");
  if (existsSync(program)) await copyFile(program, copy);
  return {
    folder,
    program: copy,
    account: { uid: NOBODY, gid: NOBODY },
    async makeFolder(path) {
      await mkdir(path, { recursive: true, mode: 0o755 });
      await chown(path, NOBODY, NOBODY);
    },
  };
}
