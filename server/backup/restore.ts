/**
 * Puts a backup in place of an installation. The file is read twice: once to know that it is whole
 * and fits, before anything is touched, and once to load it, in one transaction.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import pg from "pg";
import { lock, type Migration, migrate, readMigrations } from "../db/migrate";
import { BackupError } from "./error";
import { loadFile } from "./folder";
import { readFrames } from "./format";
import { FrameReader } from "./frame-reader";
import { type Header, header as headerFrame } from "./header";
import {
  declareAllGone,
  empty,
  isEmpty,
  loadTable,
  makeTables,
  setSequences,
  whoRuns,
} from "./load";
import { type Swapped, swap } from "./swap";

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
  /** Whether the queues' tables are wanted. */
  readonly withQueues: boolean;
  /** Overwrite an installation. */
  readonly force: boolean;
  /** Nobody else can be running: whoever holds a lease was killed. */
  readonly isAlone: boolean;
  readonly signal: AbortSignal;
}

/**
 * @param header of `checkBackup`, for the same file
 * @throws BackupError when there is no room for it; anything else is a fault, and nothing was changed
 */
export async function restoreBackup(header: Header, options: RestoreOptions): Promise<void> {
  const known = await checkMigrations(header, options.migrations);
  const client = new pg.Client({ connectionString: options.databaseUrl });
  client.on("error", () => {});
  await client.connect();
  const stop = () => void client.end();
  options.signal.addEventListener("abort", stop, { once: true });
  // A backup without artifacts leaves those that are here alone.
  const artifacts = header.hasArtifacts ? options.artifacts : null;
  const drafts = draftsOf({ ...options, artifacts });
  const swapped: Swapped[] = [];
  try {
    // Who starts meanwhile waits before they look at a table.
    await lock(client);
    await refuseUnlessFree(client, options);
    await client.query("begin");
    await empty(client);
    await makeTables(client, header, known);
    await load(client, options.file, drafts.artifacts?.made ?? null);
    await declareAllGone(client);
    if (drafts.key) await writeFile(drafts.key.made, `${header.secretKey}\n`, { mode: 0o600 });
    options.signal.throwIfAborted();
    for (const draft of [drafts.artifacts, drafts.key]) {
      if (draft) swapped.push(await swap(draft.made, draft.place));
    }
    await client.query("commit");
  } catch (error) {
    for (const one of swapped.reverse()) await one.undo();
    throw error;
  } finally {
    options.signal.removeEventListener("abort", stop);
    await client.end();
    for (const draft of [drafts.artifacts, drafts.key]) {
      if (draft) await rm(draft.made, { recursive: true, force: true });
    }
  }
  for (const one of swapped) await one.settle();
  await catchUp(options);
}

interface Draft {
  readonly made: string;
  readonly place: string;
}

function draftsOf({ artifacts, keyFile }: RestoreOptions) {
  const draft = (place: string | null): Draft | null =>
    place === null ? null : { made: `${place}.restoring`, place };
  return { artifacts: draft(artifacts), key: draft(keyFile) };
}

/** From the time of the backup to this program. */
async function catchUp({ databaseUrl, withQueues, migrations }: RestoreOptions): Promise<void> {
  try {
    await migrate({ databaseUrl, directory: migrations, withQueues });
  } catch (error) {
    const { message } = error as Error;
    throw new BackupError("place", `the backup is in place and the next start goes on: ${message}`);
  }
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
  } finally {
    await frames.close();
  }
}
