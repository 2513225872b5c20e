/**
 * Puts a backup in place of an installation. The file is read twice: once to know that it is whole
 * and fits, before anything is touched, and once to load it, in one transaction.
 */
import { existsSync } from "node:fs";
import { mkdir, realpath, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import pg from "pg";
import { lock, type Migration, migrate, readMigrations } from "../db/migrate";
import { becomeCopy, machinesInBackup } from "./copy";
import { BackupError } from "./error";
import { loadFile } from "./folder";
import { readFrames } from "./format";
import { FrameReader } from "./frame-reader";
import { type Header, header as headerFrame } from "./header";
import { draftOf, putInPlace, refuseLeftovers, settle } from "./in-place";
import {
  declareAllGone,
  empty,
  isEmpty,
  loadTable,
  makeTables,
  setSequences,
  whoRuns,
} from "./load";
import { syncFolders } from "./sync";

/** Reads all of it. @throws BackupError when it is not whole */
export async function checkBackup(file: string): Promise<Header> {
  const frames = new FrameReader(readFrames(file));
  try {
    await frames.next();
    const header = headerOf(file, frames);
    while (await frames.next());
    return header;
  } finally {
    await frames.close();
  }
}

function headerOf(file: string, frames: FrameReader): Header {
  const parsed = headerFrame.safeParse(frames.read("header"));
  if (!parsed.success) throw new BackupError("file", `${file} is damaged or was cut short`);
  return parsed.data;
}

/** @throws BackupError when the database of the backup was newer than this program */
export async function checkMigrations(header: Header, directory: string): Promise<Migration[]> {
  const known = await readMigrations(directory);
  for (const [name, checksum] of Object.entries(header.migrations)) {
    const ours = known.find((migration) => migration.name === name);
    if (!ours) {
      const message = `it was made by a newer Slipway, with migration ${name}: restore it with that one`;
      throw new BackupError("file", message);
    }
    if (ours.checksum !== checksum) {
      throw new BackupError("file", `migration ${name} of the backup is not the one known here`);
    }
  }
  return known;
}

export interface RestoreOptions {
  readonly file: string;
  readonly databaseUrl: string;
  /** Folder with the migrations of this program. */
  readonly migrations: string;
  /** Null: the key is in the environment, and the same. */
  readonly keyFile: string | null;
  /** Null: they are in an object store. */
  readonly artifacts: string | null;
  /** A file of ours, kept while places are being taken; see in-place.ts. */
  readonly journal: string;
  /** Whether the queues' tables are wanted. */
  readonly withQueues: boolean;
  /**
   * Whether the original goes on beside it, and keeps its machines. Null: nobody said, which is refused
   * where the backup has machines.
   */
  readonly isCopy: boolean | null;
  /** Overwrite an installation. */
  readonly force: boolean;
  /** Nobody else can be running: whoever holds a lease was killed. */
  readonly isAlone: boolean;
  readonly signal: AbortSignal;
}

/** The backup is in place; what could not be done after that, each in a sentence. */
export interface Restored {
  readonly unfinished: readonly string[];
}

/**
 * @param header of `checkBackup`, for the same file
 * @throws BackupError when there is no room for it; anything else is a fault. Nothing was changed,
 *   unless a BackupError says otherwise
 */
export async function restoreBackup(header: Header, options: RestoreOptions): Promise<Restored> {
  const known = await checkMigrations(header, options.migrations);
  const drafts = await draftsOf(header, options);
  const client = new pg.Client({ connectionString: options.databaseUrl });
  client.on("error", () => {});
  await client.connect();
  const stop = () => void client.end();
  options.signal.addEventListener("abort", stop, { once: true });
  try {
    // Who starts meanwhile waits before they look at a table.
    await lock(client);
    await settle(options.journal, options.databaseUrl);
    await refuseUnlessFree(client, options);
    refuseLeftovers(drafts.places);
    await client.query("begin");
    await empty(client);
    await makeTables(client, header, known);
    await load(client, options.file, drafts.folder);
    await declareAllGone(client);
    await settleMachines(client, options.isCopy);
    if (drafts.key) await writeKey(drafts.key, header.secretKey);
    // From here on it is quick, and is not stopped half-way.
    options.signal.removeEventListener("abort", stop);
    options.signal.throwIfAborted();
    await commit(client, drafts.places, options);
  } finally {
    options.signal.removeEventListener("abort", stop);
    await client.end().catch(() => {});
    await dropDrafts(drafts.places, options);
  }
  const unfinished: string[] = [];
  const after = async (what: string, work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      unfinished.push(`${what}: ${(error as Error).message}`);
    }
  };
  await after("what was here before is not all removed, the next start goes on", () =>
    settle(options.journal, options.databaseUrl),
  );
  await after("it is not brought up to this version, the next start goes on", () =>
    catchUp(options),
  );
  return { unfinished };
}

async function settleMachines(client: pg.Client, isCopy: boolean | null): Promise<void> {
  if (isCopy === true) return becomeCopy(client);
  const machines = isCopy === null ? await machinesInBackup(client) : 0;
  if (machines === 0) return;
  throw new BackupError(
    "place",
    `machines of latent workers are in the backup (${machines}): --copy leaves them to the installation that it is of, --only goes on with them because that one is no more`,
  );
}

/** Database and files together; when an answer is missing, the database is asked what it did. */
async function commit(
  client: pg.Client,
  places: readonly string[],
  { journal, databaseUrl }: RestoreOptions,
): Promise<void> {
  try {
    await putInPlace(client, journal, places);
    await client.query("commit");
  } catch (error) {
    await client.end().catch(() => {});
    if ((await settle(journal, databaseUrl)) !== "committed") throw error;
  }
}

interface Drafts {
  /** All places, each drafted beside itself. */
  readonly places: readonly string[];
  readonly folder: string | null;
  readonly key: string | null;
}

async function draftsOf(
  { hasArtifacts }: Header,
  { artifacts, keyFile }: RestoreOptions,
): Promise<Drafts> {
  // A link leads to where they really are, and stays.
  const real = (place: string) => realpath(place).catch(() => place);
  // A backup without artifacts leaves those that are here alone.
  const folder = artifacts !== null && hasArtifacts ? await real(artifacts) : null;
  const key = keyFile === null ? null : await real(keyFile);
  return {
    places: [folder, key].filter((place) => place !== null),
    folder: folder && draftOf(folder),
    key: key && draftOf(key),
  };
}

async function writeKey(file: string, key: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await rm(file, { force: true });
  await writeFile(file, `${key}\n`, { mode: 0o600, flush: true });
}

/** A journal that is still there needs them. */
async function dropDrafts(places: readonly string[], { journal }: RestoreOptions): Promise<void> {
  if (existsSync(journal)) return;
  for (const place of places) await rm(draftOf(place), { recursive: true, force: true });
}

/** From the time of the backup to this program. */
async function catchUp({ databaseUrl, withQueues, migrations }: RestoreOptions): Promise<void> {
  await migrate({ databaseUrl, directory: migrations, withQueues });
}

async function refuseUnlessFree(
  client: pg.Client,
  { isAlone, force }: RestoreOptions,
): Promise<void> {
  const running = isAlone ? [] : await whoRuns(client);
  if (running.length > 0) {
    throw new BackupError(
      "place",
      `Slipway runs on this database (${running.join(", ")}): stop it`,
    );
  }
  if (force || (await isEmpty(client))) return;
  throw new BackupError(
    "place",
    "there is an installation here already: --force puts the backup in its place, and what is here is lost",
  );
}

async function load(client: pg.Client, file: string, folder: string | null): Promise<void> {
  if (folder) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
  }
  const frames = new FrameReader(readFrames(file));
  try {
    await frames.next();
    headerOf(file, frames);
    for (let frame = await frames.next(); frame; frame = await frames.next()) {
      if (frame.kind === "table") await loadTable(client, frames, frames.read("table"));
      else if (frame.kind === "sequences") await setSequences(client, frames.read("sequences"));
      else if (folder) await loadFile(folder, frames);
      else for await (const _ of frames.data());
    }
    if (folder) await syncFolders(folder);
  } finally {
    await frames.close();
  }
}
