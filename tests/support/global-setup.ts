/**
 * One PostgreSQL server for a run of the suites that need a database. `npm test` starts it once for
 * all its passes and names it in SLIPWAY_TEST_DATABASE_URL; a single `vitest run` starts its own.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbedded } from "../../server/db/embedded";

let starting: Promise<() => Promise<void>> | null = null;

/** Called once for each suite of a run; the first call starts the server, its teardown stops it. */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.SLIPWAY_TEST_DATABASE_URL || starting) {
    await starting;
    return undefined;
  }
  starting = start();
  return starting;
}

async function start(): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(tmpdir(), "slipway-tests-"));
  const server = await startEmbedded({ dataDir, isThrowaway: true });
  process.env.SLIPWAY_TEST_DATABASE_URL = server.url;
  return async () => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}
