/** What the supervisor does with the database: first set-up, the demo, local workers, fencing. */
import { hostname } from "node:os";
import { join } from "node:path";
import { isAlive } from "../db/embedded";
import { type Database, openDatabase } from "../db/pool";
import { declareDeadGone, declarePidGone } from "../engine";
import { type ProcessEnv, projectRoot } from "../env";
import { CONFIG, openBus, PROCESS_GONE } from "../events/bus";
import { endAll } from "../fleet";
import { sealingKey } from "../secrets/seal";
import { bootstrap } from "./bootstrap";
import { ensureDemo } from "./local/demo";
import { type LocalHome, openLocalHome } from "./local/home";
import { LocalFleet } from "./local/local-fleet";
import { localWorkerPrograms } from "./local/local-workers";
import type { ChildSpec, ProcessGone, Supervisor } from "./supervisor";

export interface Installation {
  /** Idempotent: organisation, administrator or set-up link, demo. */
  setUp(): Promise<{ setupUrl: string | null }>;
  /** A child of ours ended: what it owned may be taken over at once. */
  fence(gone: ProcessGone): Promise<void>;
  /** Those to begin with. */
  localWorkers(): Promise<ChildSpec[]>;
  /** Keeps the local workers as the configuration has them; the first ones run already. */
  followConfiguration(supervisor: Supervisor): Promise<void>;
  close(): Promise<void>;
}

export function openInstallation(env: ProcessEnv, say: (line: string) => void): Installation {
  const onError = (error: unknown) => say(`supervisor: ${message(error)}`);
  const db: Database = openDatabase({
    url: env.databaseUrl,
    max: 2,
    name: "supervisor",
    onError,
  });
  const bus = openBus(env.databaseUrl, () => {});
  const key = sealingKey(env.secretKey);
  let home: Promise<LocalHome> | null = null;
  const localHome = () => {
    home ??= openLocalHome(env.dataDir, join(projectRoot(), ".dist/worker.js"));
    return home;
  };
  const localWorkers = async () => localWorkerPrograms(db, env, await localHome(), key);
  let first: ChildSpec[] = [];

  return {
    async setUp() {
      await declareDeadGone(db, hostname(), isAlive);
      // Whoever let its machines go for good has changed his mind.
      await endAll(db, false);
      const { setupUrl } = await bootstrap(env, db);
      if (env.withDemo) {
        const line = await ensureDemo(db, env, await localHome());
        if (line) say(line);
      }
      return { setupUrl };
    },
    async fence({ name, pid }) {
      const fenced = await declarePidGone(db, hostname(), pid, `${name} (process ${pid}) ended`);
      if (fenced > 0) await db.rows("select pg_notify($1, '')", [PROCESS_GONE]);
    },
    async localWorkers() {
      first = await localWorkers();
      return first;
    },
    async followConfiguration(supervisor) {
      const fleet = new LocalFleet(supervisor, first);
      let following = Promise.resolve();
      const follow = () => {
        following = following.then(async () => fleet.follow(await localWorkers())).catch(onError);
      };
      await bus.listen(CONFIG, follow);
      // What was activated before we listened.
      follow();
    },
    async close() {
      await bus.close();
      await db.end();
    },
  };
}

const message = (error: unknown) => (error instanceof Error ? error.message : String(error));
