import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { BackupError } from "../../backup/error";
import { JOURNAL_FILE, settle } from "../../backup/in-place";
import { type EmbeddedPostgres, startEmbedded } from "../../db/embedded";
import { migrate } from "../../db/migrate";
import { type Env, ensureSecretKey, type ProcessEnv } from "../../env";

export interface OpenDatabase {
  env: ProcessEnv;
  /** `null` when DATABASE_URL names a server of somebody else. */
  embedded: EmbeddedPostgres | null;
}

const RETRY_MS = 1_000;

/** Codes of "not there" and "not yet" (Node's and PostgreSQL's); anything else is a wrong setting. */
const AWAY = new Set([
  ...["ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT", "EHOSTUNREACH"],
  ...["57P03", "57P01", "08006", "08001", "53300"],
]);

/**
 * Starts the embedded database, or finds the given one, and fills in what the children need to know.
 *
 * @throws EnvError when the key file cannot be used; BackupError when a restore was cut off and
 *   nobody knows whether it took place
 */
export async function openDatabase(env: Env, say: (line: string) => void): Promise<OpenDatabase> {
  if (env.databaseUrl !== null && env.secretKey !== null) {
    return {
      env: { ...env, databaseUrl: env.databaseUrl, secretKey: env.secretKey },
      embedded: null,
    };
  }
  const embedded = await startEmbedded({ dataDir: env.dataDir, say });
  try {
    // Which key is the installation's may hang on it.
    await settle(join(env.dataDir, JOURNAL_FILE), embedded.url);
    const secretKey = env.secretKey ?? ensureSecretKey(env.dataDir);
    return { env: { ...env, databaseUrl: embedded.url, secretKey }, embedded };
  } catch (error) {
    await embedded.stop();
    throw error;
  }
}

/**
 * Migrates, waiting for a database that is away; gives up when `signal` fires.
 *
 * @returns names of the migrations applied
 */
export async function migrateWhenThere(
  env: ProcessEnv,
  directory: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<string[]> {
  for (let said = ""; ; ) {
    signal.throwIfAborted();
    try {
      await settle(join(env.dataDir, JOURNAL_FILE), env.databaseUrl);
      return await migrate({
        databaseUrl: env.databaseUrl,
        directory,
        withQueues: env.redisUrl === null,
      });
    } catch (error) {
      const reason = awayReason(error);
      if (reason === null) throw error;
      if (reason !== said) say(`waiting for the database: ${reason}`);
      said = reason;
      await setTimeout(RETRY_MS);
    }
  }
}

/** Node reports a host with several addresses as one error holding several. */
function awayReason(error: unknown): string | null {
  if (error instanceof BackupError && error.cause) return awayReason(error.cause);
  const errors = error instanceof AggregateError ? error.errors : [error];
  const away = errors.find((one): one is NodeJS.ErrnoException => AWAY.has(one?.code));
  return away ? away.message || String(away.code) : null;
}
