/** The installation of this host, running or not: its embedded database is started when need be. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { JOURNAL_FILE, settle } from "../../backup/in-place";
import { locateEmbedded, startEmbedded } from "../../db/embedded";
import { openDatabase } from "../../db/pool";
import { type Env, projectRoot } from "../../env";
import { lockDataDir } from "../supervisor/data-dir-lock";
import { endLeftBehind } from "../supervisor/end-left-behind";
import { CommandError, EXIT, type Io } from "./io";
import { mustAnswer, noDatabase, readHostEnv } from "./local";

export interface Here {
  readonly env: Env;
  readonly databaseUrl: string;
  /** Folder of the artifacts; null: they are in an object store. */
  readonly artifacts: string | null;
  /** Nothing of ours runs, and nothing can start while this lasts. */
  readonly isAlone: boolean;
  /** Aborted when the command is to end. */
  readonly signal: AbortSignal;
}

export const migrationsFolder = () => join(projectRoot(), "prisma/migrations");

/**
 * @param isExclusive for what must not be done beside a running Slipway
 * @throws CommandError, DataDirBusyError
 */
export async function withInstallation<T>(
  io: Io,
  isExclusive: boolean,
  work: (here: Here) => Promise<T>,
): Promise<T> {
  const env = readHostEnv(io);
  const stopping = new AbortController();
  const stop = () => stopping.abort(new CommandError("stopped: nothing was changed"));
  const common = {
    env,
    artifacts: env.artifacts.startsWith("file:") ? fileURLToPath(env.artifacts) : null,
    signal: stopping.signal,
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);
  try {
    if (env.databaseUrl !== null) {
      const database = openDatabase({
        url: env.databaseUrl,
        max: 1,
        name: "cli",
        onError: () => {},
      });
      await mustAnswer(database).finally(() => database.end());
    }
    const running = env.databaseUrl ?? (isExclusive ? null : await answering(env.dataDir));
    if (running !== null) return await work({ ...common, databaseUrl: running, isAlone: false });
    if (!isExclusive && !existsSync(join(env.dataDir, "postgres/PG_VERSION"))) {
      throw new CommandError(noDatabase(env.dataDir), EXIT.unavailable);
    }
    return await alone(env.dataDir, io, (databaseUrl) =>
      work({ ...common, databaseUrl, isAlone: true }),
    );
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stop);
  }
}

/** Address of the embedded database when it runs. */
async function answering(dataDir: string): Promise<string | null> {
  const url = await locateEmbedded(dataDir);
  if (url === null) return null;
  const database = openDatabase({ url, max: 1, name: "cli", onError: () => {} });
  const isThere = await database.rows("select 1").then(
    () => true,
    () => false,
  );
  await database.end();
  return isThere ? url : null;
}

async function alone<T>(dataDir: string, io: Io, work: (url: string) => Promise<T>): Promise<T> {
  const lock = await lockDataDir(dataDir);
  try {
    await endLeftBehind(lock.leftBehind);
    io.err("starting the embedded database\n");
    const embedded = await startEmbedded({ dataDir }).catch((error: Error) => {
      throw new CommandError(error.message, EXIT.unavailable);
    });
    try {
      await settle(join(dataDir, JOURNAL_FILE), embedded.url);
      return await work(embedded.url);
    } finally {
      await embedded.stop();
    }
  } finally {
    lock.release();
  }
}
