import { existsSync } from "node:fs";
import { join } from "node:path";
import { makeBackup } from "../../../backup/backup";
import { BackupError } from "../../../backup/error";
import type { Header } from "../../../backup/header";
import { JOURNAL_FILE } from "../../../backup/in-place";
import {
  checkBackup,
  checkMigrations,
  type Restored,
  restoreBackup,
} from "../../../backup/restore";
import { type Env, ensureSecretKey, SECRET_KEY_FILE } from "../../../env";
import { parse } from "../args";
import { migrationsFolder, withInstallation } from "../installation-here";
import { type Command, CommandError, EXIT, type Io, UsageError } from "../io";

const FILE = { names: ["FILE"] };
const OPTIONS = {
  force: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

export const backup: Command = {
  words: ["backup"],
  synopsis: "FILE",
  summary: "write the whole installation to a file, on the server's host",
  help: `Organisations, people, configuration, secrets, history, logs and artifacts as they are at one
moment, and the installation's key: whoever has FILE can read every secret. Only its owner may open it.
Slipway may run meanwhile; with an embedded database it may also be stopped. Artifacts in an object store
are not in it, nor are links among them, which it names.

  --force   overwrite FILE
  --json    for a program

Exit status: 0 done, 69 no database, 70 failed; FILE is whole or not there.`,
  async run(args, io) {
    const { values, positionals } = parse(args, OPTIONS, FILE);
    const file = positionals[0] as string;
    if (existsSync(file) && !values.force) {
      throw new CommandError(`${file} exists already; --force overwrites it`);
    }
    const made = await withInstallation(io, false, (here) =>
      inPlainWords(() =>
        makeBackup({
          databaseUrl: here.databaseUrl,
          secretKey: here.env.secretKey ?? ensureSecretKey(here.env.dataDir),
          artifacts: here.artifacts,
          file,
          signal: here.signal,
        }),
      ),
    );
    if (made.leftOut.length > 0) io.err(`${leftOut(made.leftOut)}\n`);
    io.err("it holds the installation's key: keep it where nobody else reads it\n");
    io.out(values.json ? `${JSON.stringify(made)}\n` : `${file}: ${summary(made)}\n`);
    return 0;
  },
};

export const restore: Command = {
  words: ["restore"],
  synopsis: "FILE",
  summary: "put a backup in place of the installation, on the server's host",
  help: `Slipway must not run. The file is read to its end before anything is changed; what is damaged, cut
short or made by a newer Slipway is refused. An older one is brought up to this version. Builds that ran when
the backup was made are built again at the next start.

  --force      although there is an installation here: what is here is lost
  --copy       the original goes on: this one gets a name of its own at providers and forgets the machines
  --only       the original is no more: this one goes on with its machines, and its sweep stops those that
               were made after the backup. One of both must be said where the backup has machines
  --check      only say whether the file is whole and fits
  --show-key   only print the key in it, for SLIPWAY_SECRET_KEY
  --json       for a program

Exit status: 0 done; 65 the file cannot be used, 69 no database, 70 refused or failed: nothing was changed,
unless the message says otherwise; 75 the backup is in place, and the next start does what is left.`,
  async run(args, io) {
    const more = {
      copy: { type: "boolean", default: false },
      only: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      "show-key": { type: "boolean", default: false },
    } as const;
    const { values, positionals } = parse(args, { ...OPTIONS, ...more }, FILE);
    if (values.copy && values.only) throw new UsageError("--copy and --only do not go together");
    const isCopy = values.copy ? true : values.only ? false : null;
    const file = positionals[0] as string;
    const header = await inPlainWords(() => checkBackup(file));
    if (values["show-key"]) {
      io.out(`${header.secretKey}\n`);
      return 0;
    }
    const { unfinished } = values.check
      ? await inPlainWords(() => fits(header))
      : await replace(file, header, { force: values.force, isCopy }, io);
    const { secretKey: _, migrations, periods: __, ...facts } = header;
    const newest = Object.keys(migrations).sort().at(-1);
    io.out(
      values.json
        ? `${JSON.stringify({ file, ...facts, migration: newest, unfinished })}\n`
        : `${file}: ${values.check ? "whole" : "restored"}, ${summary(header)}, of ${header.madeAt}\n`,
    );
    for (const what of unfinished) io.err(`the backup is in place, but ${what}\n`);
    return unfinished.length === 0 ? 0 : EXIT.unfinished;
  },
};

async function fits(header: Header): Promise<Restored> {
  await checkMigrations(header, migrationsFolder());
  return { unfinished: [] };
}

async function replace(
  file: string,
  header: Header,
  how: { readonly force: boolean; readonly isCopy: boolean | null },
  io: Io,
): Promise<Restored> {
  const restored = await withInstallation(io, true, async (here) => {
    refuseOtherKey(here.env, header);
    return inPlainWords(() =>
      restoreBackup(header, {
        file,
        databaseUrl: here.databaseUrl,
        migrations: migrationsFolder(),
        keyFile: here.env.secretKey === null ? join(here.env.dataDir, SECRET_KEY_FILE) : null,
        artifacts: here.artifacts,
        journal: join(here.env.dataDir, JOURNAL_FILE),
        withQueues: here.env.redisUrl === null,
        ...how,
        isAlone: here.isAlone,
        signal: here.signal,
      }),
    );
  });
  if (!header.hasArtifacts) io.err("artifacts were in an object store and are not in the backup\n");
  return restored;
}

/** What is sealed opens under the key of the backup and no other. */
function refuseOtherKey(env: Env, header: Header): void {
  if (env.secretKey === null || env.secretKey === header.secretKey) return;
  throw new CommandError(
    "SLIPWAY_SECRET_KEY is not the key of this backup: set it to what `slipway restore FILE --show-key` prints",
  );
}

const NAMED = 5;

function leftOut(paths: readonly string[]): string {
  const named = paths.slice(0, NAMED).join(", ");
  const more = paths.length > NAMED ? ` and ${paths.length - NAMED} more` : "";
  return `links and special files among the artifacts are not in it: ${named}${more}`;
}

const summary = ({ organizations, builds }: { organizations: number; builds: number }) =>
  `${counted(organizations, "organisation")}, ${counted(builds, "build")}`;

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;

async function inPlainWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CommandError) throw error;
    if (error instanceof BackupError) {
      throw new CommandError(error.message, error.fault === "file" ? EXIT.data : EXIT.fault);
    }
    throw new CommandError(`nothing was changed: ${(error as Error).message}`, EXIT.fault);
  }
}
