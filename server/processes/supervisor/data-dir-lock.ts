import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { identify, isSame, type ProcessIdentity } from "../../db/embedded";
import { EnvError } from "../../env";

/**
 * One supervisor a data directory. `supervisor.json` there names it and its running children. A
 * supervisor that was killed leaves the file behind; the next one takes it over and learns from it
 * which children may still be running.
 */

export interface RecordedChild extends ProcessIdentity {
  name: string;
}

interface Owner extends ProcessIdentity {
  children: RecordedChild[];
}

export interface DataDirLock {
  /** Children of an earlier supervisor that was killed and that still run. */
  leftBehind: RecordedChild[];
  /** Replaces the list of our own children. */
  record(children: { name: string; pid: number }[]): void;
  release(): void;
}

/** Somebody else works on the data directory. */
export class DataDirBusyError extends Error {
  override name = "DataDirBusyError";

  constructor(dataDir: string, pid: number) {
    super(`Slipway already runs in ${dataDir} (process ${pid}): stop it, or set SLIPWAY_DATA_DIR`);
  }
}

const FILE = "supervisor.json";

/** While this folder exists, one process is looking whether an old owner is dead. */
const TAKEOVER = "supervisor.takeover";

/** Looking takes milliseconds; a folder this old belongs to one that was killed doing it. */
const TAKEOVER_STALE_MS = 5_000;

/** @throws EnvError when there can be no such folder; DataDirBusyError when another supervisor that lives holds it */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  try {
    mkdirSync(dataDir, { recursive: true });
  } catch (error) {
    throw new EnvError([`SLIPWAY_DATA_DIR: ${(error as Error).message}`]);
  }
  const leftBehind = await inTurn(join(dataDir, TAKEOVER), () => claim(dataDir));
  const record = (children: { name: string; pid: number }[]) =>
    writeOwner(
      dataDir,
      children.map(({ name, pid }) => ({ name, ...identify(pid) })),
      renameSync,
    );
  return {
    leftBehind: leftBehind.filter((child) => isSame(child)),
    record,
    release: () => rmSync(join(dataDir, FILE), { force: true }),
  };
}

/** @returns the children that the dead owner had recorded */
function claim(dataDir: string): RecordedChild[] {
  const owner = readOwner(dataDir);
  if (owner && isSame(owner)) {
    throw new DataDirBusyError(dataDir, owner.pid);
  }
  rmSync(join(dataDir, FILE), { force: true });
  writeOwner(dataDir, [], linkSync);
  return owner?.children ?? [];
}

function readOwner(dataDir: string): Owner | null {
  try {
    return JSON.parse(readFileSync(join(dataDir, FILE), "utf8")) as Owner;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new Error(`SLIPWAY_DATA_DIR: ${(error as Error).message}`);
  }
}

/** Complete before it has its name, so nobody ever reads half of it. */
function writeOwner(
  dataDir: string,
  children: RecordedChild[],
  place: (draft: string, file: string) => void,
): void {
  const draft = join(dataDir, `${FILE}.${process.pid}`);
  writeFileSync(draft, JSON.stringify({ ...identify(process.pid), children }), { mode: 0o600 });
  try {
    place(draft, join(dataDir, FILE));
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Making a folder is the one file operation that exactly one of many can do. */
async function inTurn<T>(folder: string, work: () => T): Promise<T> {
  for (;;) {
    try {
      mkdirSync(folder);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const madeAt = statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0;
      if (madeAt > 0 && Date.now() - madeAt > TAKEOVER_STALE_MS) removeFolder(folder);
      await setTimeout(20);
    }
  }
  try {
    return work();
  } finally {
    removeFolder(folder);
  }
}

function removeFolder(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Somebody else removed it first.
  }
}
