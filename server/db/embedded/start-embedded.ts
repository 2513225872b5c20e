import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { projectRoot } from "../../env";
import { type Account, chooseAccount } from "./account";
import { findBinaries } from "./binaries";
import { type Access, choosePort, ensureAccess, urlOf } from "./credentials";
import { findRunning, stopServer } from "./postmaster";
import { isAlive } from "./process-identity";
import { launch, runToEnd } from "./programs";

export interface EmbeddedPostgres {
  /** Of the database `slipway`, with its password. */
  url: string;
  pid: number;
  /** A server that outlived an earlier parent was taken over. */
  isReused: boolean;
  /** Settles when the server is gone, wanted or not. */
  gone: Promise<void>;
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  dataDir: string;
  /** Faster and unsafe in a power cut: for databases that only live as long as a test run. */
  isThrowaway?: boolean;
  /** Lines for the operator. */
  say?(line: string): void;
}

/** What differs from PostgreSQL's defaults. One small host, no replicas, backups are dumps. */
const SETTINGS: Record<string, string> = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "200",
  shared_buffers: "128MB",
  work_mem: "8MB",
  maintenance_work_mem: "64MB",
  synchronous_commit: "on",
  wal_level: "minimal",
  max_wal_senders: "0",
  max_wal_size: "512MB",
  wal_compression: "on",
  random_page_cost: "1.1",
  log_checkpoints: "off",
};

/** How often we look whether a server that is not our child still lives. */
const LOOK_MS = 1_000;

const THROWAWAY: Record<string, string> = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
};

/**
 * Starts PostgreSQL on the cluster in `dataDir/postgres`, making the cluster at first, and returns
 * once the database `slipway` can be used. A server that a killed parent left behind is taken over.
 * The caller holds the data directory's lock: two callers at once on one directory are not served.
 *
 * @throws Error with lines for a person: no package for this platform, folder not usable, no start
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const say = options.say ?? (() => {});
  const cluster = join(options.dataDir, "postgres");
  await mkdir(options.dataDir, { recursive: true });
  const access = await ensureAccess(options.dataDir);

  const orphan = existsSync(cluster) ? await findRunning(cluster, access) : null;
  if (orphan) {
    say(`taking over the running database server (process ${orphan.pid})`);
    await ensureDatabase(access, orphan.port);
    return takeOver(orphan.pid, urlOf(access, orphan.port));
  }

  const account = await chooseAccount(await findBinaries(projectRoot()), cluster);
  if (!existsSync(join(cluster, "PG_VERSION"))) {
    say("making a new database cluster");
    await makeCluster(account, cluster, access, options.isThrowaway ?? false);
  }
  await account.own(cluster);
  const port = await choosePort(options.dataDir);
  const settings = { ...SETTINGS, ...(options.isThrowaway ? THROWAWAY : {}), port: String(port) };
  const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = await launch(account, ["-D", cluster, ...args]);
  const pid = child.pid as number;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) await stopServer(pid);
    await gone;
  };
  try {
    await ensureDatabase(access, port);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: urlOf(access, port), pid, isReused: false, gone, stop };
}

/** We are not its parent, so nobody tells us when it ends; we look. */
function takeOver(pid: number, url: string): EmbeddedPostgres {
  const gone = new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (isAlive(pid)) return;
      clearInterval(timer);
      resolve();
    }, LOOK_MS).unref();
  });
  return { url, pid, isReused: true, gone, stop: () => stopServer(pid) };
}

/** Built aside and renamed when complete: an interrupted first start leaves nothing half-made. */
async function makeCluster(
  account: Account,
  cluster: string,
  access: Access,
  isThrowaway: boolean,
): Promise<void> {
  const draft = `${cluster}.new`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  const passwordFile = `${cluster}.password.new`;
  await rm(passwordFile, { force: true });
  await writeFile(passwordFile, access.password, { mode: 0o600 });
  try {
    await account.own(draft);
    await account.own(passwordFile);
    const args = ["-D", draft, "-U", access.user, "--auth=scram-sha-256"];
    args.push(`--pwfile=${passwordFile}`, "--encoding=UTF8", "--locale=C", "--data-checksums");
    if (isThrowaway) args.push("--no-sync");
    await runToEnd(account, account.binaries.initdb, args);
    await rename(draft, cluster);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function ensureDatabase(access: Access, port: number): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(access, port, "postgres") });
  // A lost connection fails the query under way; that is where it is dealt with.
  client.on("error", () => {});
  await client.connect();
  try {
    const { rowCount } = await client.query("select from pg_database where datname = 'slipway'");
    if (rowCount === 0) await client.query("create database slipway");
  } finally {
    await client.end();
  }
}
