/**
 * Files and folders that take their places together with a commit of the database.
 *
 *   drafted --journal--> moving --commit--> settled: what was there before is gone
 *                          |
 *                          +--no commit---> undone: what was there before is back
 *
 * The journal is on disk before the first rename and names the transaction that decides. Whoever
 * finds one, after a crash at any moment, asks the database and goes on or back.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { z } from "zod";
import { BackupError } from "./error";
import { syncFolder } from "./sync";

/** In the data directory, while a restore is between its first rename and its end. */
export const JOURNAL_FILE = "restoring.json";

const journal = z.object({
  /** Of the transaction that decides. */
  xid: z.string().regex(/^\d+$/),
  places: z.array(
    z.object({
      place: z.string().min(1),
      /** Whether something was there before. */
      had: z.boolean(),
    }),
  ),
});
type Place = z.output<typeof journal>["places"][number];

export const draftOf = (place: string): string => `${place}.restoring`;
const oldOf = (place: string): string => `${place}.replaced`;

/** @throws BackupError when something lies where the old things go, and nobody knows what it is */
export function refuseLeftovers(places: readonly string[]): void {
  const left = places.map(oldOf).find((old) => existsSync(old));
  if (left === undefined) return;
  const message = `${left} is left of an earlier restore: look what it is, and move it away`;
  throw new BackupError("place", message);
}

/** Moves the drafts, which are on disk, to their places. @param client in the deciding transaction */
export async function putInPlace(
  client: pg.Client,
  file: string,
  places: readonly string[],
): Promise<void> {
  const { rows } = await client.query<{ xid: string }>("select pg_current_xact_id()::text as xid");
  const xid = rows[0]?.xid as string;
  await mkdir(dirname(file), { recursive: true });
  const entries = places.map((place): Place => ({ place, had: existsSync(place) }));
  const written = JSON.stringify({ xid, places: entries } satisfies z.input<typeof journal>);
  await writeFile(`${file}.new`, written, { flush: true });
  await rename(`${file}.new`, file);
  await syncFolder(dirname(file));
  for (const { place, had } of entries) {
    if (had) await rename(place, oldOf(place));
    await rename(draftOf(place), place);
    await syncFolder(dirname(place));
  }
}

/**
 * Ends what a journal speaks of, if there is one.
 * @returns what became of it; null: there was none
 * @throws BackupError when the database does not say
 */
export async function settle(
  file: string,
  databaseUrl: string,
): Promise<"committed" | "aborted" | null> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (text === null) return null;
  const { xid, places } = read(file, text);
  const outcome = await outcomeOf(file, databaseUrl, xid);
  for (const one of [...places].reverse()) {
    if (outcome === "aborted") await undo(one);
    await rm(oldOf(one.place), { recursive: true, force: true });
  }
  await rm(file);
  await syncFolder(dirname(file));
  return outcome;
}

function read(file: string, text: string): z.output<typeof journal> {
  try {
    return journal.parse(JSON.parse(text));
  } catch {
    throw new BackupError("place", `${file} cannot be understood: it is not of this version`);
  }
}

async function undo({ place, had }: Place): Promise<void> {
  const isOldThere = existsSync(oldOf(place));
  // Both drafts were there when the journal was written: one that is not has taken its place.
  if (isOldThere || (!had && !existsSync(draftOf(place)))) {
    await rm(place, { recursive: true, force: true });
  }
  if (isOldThere) await rename(oldOf(place), place);
  await rm(draftOf(place), { recursive: true, force: true });
  await syncFolder(dirname(place));
}

/** A session that was cut off at its commit may take moments to end. */
const TRIES = 100;
const RETRY_MS = 100;

async function outcomeOf(
  file: string,
  databaseUrl: string,
  xid: string,
): Promise<"committed" | "aborted"> {
  let problem = new Error("its transaction has not ended");
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    try {
      const status = await statusOf(databaseUrl, xid);
      if (status === "committed" || status === "aborted") return status;
      // So old that its outcome is forgotten: not one of this database's newest.
      if (status === null) problem = new Error("its transaction is forgotten");
    } catch (error) {
      problem = error as Error;
    }
    await sleep(RETRY_MS);
  }
  const message = `a restore was cut off and the database does not say whether it took place (${problem.message}); ${file} names the files: choose which to keep, and remove it`;
  throw new BackupError("place", message, { cause: problem });
}

async function statusOf(databaseUrl: string, xid: string): Promise<string | null> {
  const client = new pg.Client({ connectionString: databaseUrl });
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ status: string | null }>(
      "select pg_xact_status($1::xid8) as status",
      [xid],
    );
    return rows[0]?.status ?? null;
  } finally {
    await client.end();
  }
}
