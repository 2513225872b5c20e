import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import pg from "pg";
import { projectRoot } from "../../env";
import { type Account, chooseAccount } from "./account";
import { findBinaries } from "./binaries";
import { type Access, findRunning, type RunningServer, stopServer, urlOf } from "./postmaster";

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
  /** Faster and unsafe in a power cut: for databases that only live as long as a test. */
  isThrowaway?: boolean;
  /** Lines for the operator. */
  say?(line: string): void;
}

const USER = "slipway";
const DATABASE = "slipway";
const PASSWORD_FILE = "postgres.password";
const PORT_FILE = "postgres.port";

/** Fewer surprises than the defaults of 1996: some memory, no locks of disks nobody needs. */
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
  min_wal_size: "80MB",
  max_wal_size: "512MB",
  wal_compression: "on",
  random_page_cost: "1.1",
  log_min_messages: "warning",
  log_checkpoints: "off",
};

const THROWAWAY: Record<string, string> = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  autovacuum: "off",
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
  const access = { user: USER, password: await ensurePassword(options.dataDir) };

  const orphan = existsSync(cluster) ? await findRunning(cluster, access) : null;
  if (orphan) {
    say(`database: taking over the running server (process ${orphan.pid})`);
    await ensureDatabase(access, orphan.port);
    return reused(access, orphan);
  }

  const account = await chooseAccount(await findBinaries(projectRoot()), cluster);
  if (!existsSync(join(cluster, "PG_VERSION"))) {
    say("database: making a new cluster");
    await makeCluster(account, options.dataDir, cluster, options.isThrowaway ?? false);
  }
  await account.own(cluster);
  const port = await choosePort(options.dataDir);
  const server = await launch(account, cluster, port, options.isThrowaway ?? false);
  await ensureDatabase(access, port);
  return server(urlOf(access, port, DATABASE));
}

/**
 * Address of the embedded database of a data directory, for commands on the same host; `null` when
 * there is none. Whether it runs is for the caller to find out by connecting.
 */
export async function locateEmbedded(dataDir: string): Promise<string | null> {
  const read = (file: string) => readFile(join(dataDir, file), "utf8").catch(() => null);
  const [password, port] = await Promise.all([read(PASSWORD_FILE), read(PORT_FILE)]);
  if (password === null || port === null) return null;
  return urlOf({ user: USER, password: password.trim() }, Number(port), DATABASE);
}

async function ensurePassword(dataDir: string): Promise<string> {
  const file = join(dataDir, PASSWORD_FILE);
  const known = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw new Error(`SLIPWAY_DATA_DIR: ${error.message}`);
  });
  if (known !== null) return known.trim();
  const password = randomBytes(24).toString("base64url");
  await writeFile(file, password, { mode: 0o600 });
  await chmod(file, 0o600);
  return password;
}

/** Built aside and renamed when complete: an interrupted first start leaves nothing half-made. */
async function makeCluster(
  account: Account,
  dataDir: string,
  cluster: string,
  isThrowaway: boolean,
): Promise<void> {
  const draft = `${cluster}.new`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  const passwordFile = join(draft, "..", "postgres.password.new");
  await writeFile(passwordFile, await ensurePassword(dataDir), { mode: 0o600 });
  try {
    await account.own(draft);
    await account.own(passwordFile);
    const args = ["-D", draft, "-U", USER, "--auth=scram-sha-256", `--pwfile=${passwordFile}`];
    args.push("--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions");
    if (isThrowaway) args.push("--no-sync");
    await runToEnd(account, account.binaries.initdb, args);
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(draft, cluster);
}

async function runToEnd(account: Account, program: string, args: string[]): Promise<void> {
  const child = spawnAs(account, program, args);
  const output = collect(child);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (status !== 0) throw new Error(`the database could not be made: ${output().trim()}`);
}

type Launched = (url: string) => EmbeddedPostgres;

/** Its own process group: Ctrl-C at the terminal must not reach it before those who use it. */
async function launch(
  account: Account,
  cluster: string,
  port: number,
  isThrowaway: boolean,
): Promise<Launched> {
  const settings = { ...SETTINGS, ...(isThrowaway ? THROWAWAY : {}), port: String(port) };
  const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = spawnAs(account, account.binaries.postgres, ["-D", cluster, ...args], true);
  const output = collect(child);
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => reject(new Error(`the database did not start: ${output().trim()}`)));
    child.stderr?.on("data", () => {
      if (output().includes("ready to accept connections")) resolve();
    });
  });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const pid = child.pid as number;
  return (url) => ({
    url,
    pid,
    isReused: false,
    gone,
    stop: async () => {
      await Promise.race([gone, stopServer(pid)]);
      await gone;
    },
  });
}

function reused(access: Access, server: RunningServer): EmbeddedPostgres {
  const { promise: gone, resolve } = withResolvers();
  return {
    url: urlOf(access, server.port, DATABASE),
    pid: server.pid,
    isReused: true,
    gone,
    stop: async () => {
      await stopServer(server.pid);
      resolve();
    },
  };
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
