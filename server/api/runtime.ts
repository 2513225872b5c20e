/**
 * What the `web` process holds while it runs: one per process, whatever bundle asks. Next loads
 * pages and route handlers as bundles of their own, so it hangs on globalThis.
 */
import { type OrgDatabase, orgDatabase } from "../db/org-database";
import { type Database, openDatabase } from "../db/pool";
import { createEngineCommands, type EngineCommands } from "../engine";
import { type ProcessEnv, readProcessEnv } from "../env";
import {
  createAnnouncer,
  DRIVER_TESTS,
  MACHINES,
  OUTBOX,
  processChannel,
  REPOSITORIES,
} from "../events/bus";
import { createFleetCommands, type FleetCommands } from "../fleet";
import { createProducer } from "../queues/producer";
import { createLog, type Log } from "../telemetry/log";

export interface WebRuntime {
  readonly env: ProcessEnv;
  readonly log: Log;
  /** Sees one organisation at a time. */
  readonly db: OrgDatabase;
  readonly counters: Database["counters"];
  readonly commands: EngineCommands;
  readonly fleet: FleetCommands;
  /** After a configuration was activated: workers get their builder lists, requests a chance. */
  readonly configChanged: (orgId: number) => void;
  /** A page asks about a repository: `jobs` looks at it. */
  readonly repositoryAsked: () => void;
  /** A page tries a driver's settings, or gives that up: `jobs` looks. */
  readonly driverTestAsked: () => void;
}

const holder = globalThis as typeof globalThis & { slipwayWeb?: WebRuntime };

export function webRuntime(): WebRuntime {
  holder.slipwayWeb ??= createWebRuntime(readProcessEnv());
  return holder.slipwayWeb;
}

function createWebRuntime(env: ProcessEnv): WebRuntime {
  const log = createLog(
    (line) => console.error(line),
    () => new Date(),
  );
  const onError = (error: unknown) => log("web runtime", { error });
  const database = openDatabase({
    url: env.databaseUrl,
    max: 10,
    name: "web",
    role: "slipway_web",
    onError,
  });
  const db = orgDatabase(database);
  const announcer = createAnnouncer(database, onError);
  const producer = createProducer(env, onError);
  const context = {
    db,
    wake: (orgId: number) => producer.distribute(orgId),
    poll: (changeSourceId: number) => producer.poll(changeSourceId),
    announce: () => announcer.announce(OUTBOX),
    tell: (owner: number) => announcer.announce(processChannel(owner), "stop"),
    machinesAsked: () => announcer.announce(MACHINES),
  };
  return {
    env,
    log,
    db,
    counters: database.counters,
    commands: createEngineCommands(context),
    fleet: createFleetCommands(context),
    repositoryAsked: () => announcer.announce(REPOSITORIES),
    driverTestAsked: () => announcer.announce(DRIVER_TESTS),
    configChanged(orgId) {
      announcer.announce("slipway_config", String(orgId));
      announcer.announce(OUTBOX);
      producer.distribute(orgId);
    },
  };
}
