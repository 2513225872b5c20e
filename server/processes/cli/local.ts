/** Commands on the server's own host: the database that DATABASE_URL names, or the embedded one. */
import { join } from "node:path";
import { locateEmbedded } from "../../db/embedded";
import { type Database, openDatabase } from "../../db/pool";
import type { OrgId } from "../../domain/ids";
import { type Env, ensureSecretKey, projectRoot, readEnv } from "../../env";
import { CommandError, EXIT, type Io } from "./io";

/** Who histories say has done what is done on the host. */
export const AUTHOR = "the server's host";

export interface Local {
  readonly database: Database;
  readonly databaseUrl: string;
  readonly env: Env;
  secretKey(): string;
  orgId(slug: string): Promise<OrgId>;
}

/** The settings of the installation of this checkout, from whatever folder the command was called. */
export function readHostEnv(io: Io): Env {
  const dataDir = io.env.SLIPWAY_DATA_DIR || join(projectRoot(), ".slipway");
  return readEnv({ ...io.env, SLIPWAY_DATA_DIR: dataDir });
}

export const noDatabase = (dataDir: string) =>
  `there is no database in ${dataDir}: start Slipway there first, or set SLIPWAY_DATA_DIR or DATABASE_URL`;

/** @throws CommandError */
export async function mustAnswer(database: Database): Promise<void> {
  await database.rows("select 1").catch((error: Error) => {
    const message = `the database does not answer (${error.message}): is it running?`;
    throw new CommandError(message, EXIT.unavailable);
  });
}

/** @throws CommandError when there is no database, or none that answers */
export async function withLocal<T>(io: Io, work: (local: Local) => Promise<T>): Promise<T> {
  const env = readHostEnv(io);
  const url = env.databaseUrl ?? (await locateEmbedded(env.dataDir));
  if (url === null) {
    throw new CommandError(noDatabase(env.dataDir), EXIT.unavailable);
  }
  const database = openDatabase({ url, max: 1, name: "cli", onError: () => {} });
  try {
    await mustAnswer(database);
    return await work({
      database,
      databaseUrl: url,
      env,
      secretKey: () => env.secretKey ?? ensureSecretKey(env.dataDir),
      async orgId(slug) {
        const [row] = await database.rows<{ id: OrgId }>(
          "select id from organization where slug = $1",
          [slug],
        );
        if (!row) throw new CommandError(`there is no organisation "${slug}"`);
        return row.id;
      },
    });
  } finally {
    await database.end();
  }
}
