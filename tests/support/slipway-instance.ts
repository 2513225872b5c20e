/**
 * A whole Slipway installation for tests: what `npm start` runs, in a temporary data directory, on
 * free ports of 127.0.0.1, with an API token for the organisation `main`.
 *
 *     const slipway = await startSlipway({ config: { workers: [...], projects: {...} } });
 *     await slipway.call("builders/hello", "force", {});
 *     slipway.kill("socket");            // SIGKILL; its supervisor starts it again
 *     await slipway.stop();              // everything, and the directory
 *
 * What it says goes to `output`; a start that fails throws with the end of it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { locateEmbedded } from "../../server/db/embedded";
import { projectRoot } from "../../server/env";
import { freePorts } from "./free-ports";

export interface SlipwayOptions {
  /** What is activated once it runs: YAML, or the same as an object. */
  readonly config?: string | object;
  /** A server of the caller's, migrated at the start; default: the embedded one, in the data directory. */
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
  /** More settings, such as `SLIPWAY_DEMO: "1"`; the demo is off unless asked for. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: a temporary one, removed by `stop`. */
  readonly dataDir?: string;
  /** Programs and pages are known to be fresh. */
  readonly isBuilt?: boolean;
  /** Each line as it is said. */
  readonly onLine?: (line: string) => void;
}

export type ProcessName = "supervisor" | "web" | "socket" | "jobs" | "postgres";

export interface SlipwayInstance {
  /** `http://127.0.0.1:8010`, without a slash at its end. */
  readonly url: string;
  readonly org: "main";
  /** Of `main`, with every scope. */
  readonly token: string;
  readonly pbPort: number;
  readonly msgpackPort: number;
  readonly livePort: number;
  readonly dataDir: string;
  readonly databaseUrl: string;
  /** The last lines said, oldest first. */
  readonly output: readonly string[];
  /** Settles with the supervisor's status each time it ends (null: by a signal). */
  exited(): Promise<number | null>;
  /** Of the processes that run now. `postgres` only when it is the embedded one. */
  pids(): Partial<Record<ProcessName, number>> & Readonly<Record<string, number>>;
  /** @returns the process that was sent the signal; null when none of that name runs now */
  kill(name: ProcessName, signal?: NodeJS.Signals): number | null;
  /** GET below `/main/api/v2/`. @throws Error with status and body when the answer is none of 2xx */
  get<T>(path: string): Promise<T>;
  /** JSON-RPC below `/main/api/v2/`. @returns `result` */
  call<T>(path: string, method: string, params?: object): Promise<T>;
  apply(config: string | object): Promise<void>;
  /** Waits until all processes hold their leases. */
  healthy(): Promise<void>;
  /** The supervisor again, after it ended: same directory, ports and token. */
  startAgain(): Promise<void>;
  /** SIGTERM and everything ends in order; then the directory goes, if it was ours. */
  stop(): Promise<void>;
}

const START_MS = 90_000;
const STOP_MS = 30_000;
const KEPT_LINES = 2_000;

export async function startSlipway(options: SlipwayOptions = {}): Promise<SlipwayInstance> {
  if (!options.isBuilt) await ensureBuilt();
  const root = projectRoot();
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "slipway-instance-"));
  const [port, livePort, pbPort, msgpackPort] = await freePorts(4);
  const url = `http://127.0.0.1:${port}`;
  const env = {
    PATH: process.env.PATH ?? "/usr/bin:/bin",
    HOME: dataDir,
    LANG: "C.UTF-8",
    NODE_ENV: "production" as const,
    NEXT_TELEMETRY_DISABLED: "1",
    PORT: String(port),
    SLIPWAY_PUBLIC_URL: url,
    SLIPWAY_LIVE_PORT: String(livePort),
    SLIPWAY_PB_PORT: String(pbPort),
    SLIPWAY_MSGPACK_PORT: String(msgpackPort),
    SLIPWAY_DATA_DIR: dataDir,
    SLIPWAY_DEMO: "0",
    ...(options.databaseUrl
      ? { DATABASE_URL: options.databaseUrl, SLIPWAY_SECRET_KEY: "k".repeat(43) }
      : {}),
    ...(options.redisUrl ? { REDIS_URL: options.redisUrl } : {}),
    ...options.env,
  };
  const output: string[] = [];
  let supervisor: ChildProcess | null = null;
  let exit = Promise.resolve<number | null>(null);
  let databaseUrl = options.databaseUrl ?? "";
  let token = "";

  function launch(): void {
    const child = spawn(process.execPath, ["--enable-source-maps", join(root, ".dist/all.js")], {
      cwd: root,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    supervisor = child;
    exit = new Promise((resolve) => {
      child.once("error", () => resolve(null));
      child.once("exit", (status) => {
        if (supervisor === child) supervisor = null;
        resolve(status);
      });
    });
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        output.push(line);
        if (output.length > KEPT_LINES) output.shift();
        options.onLine?.(line);
      });
    }
  }

  async function healthy(): Promise<void> {
    const giveUpAt = performance.now() + START_MS;
    for (let last = "no answer"; ; ) {
      if (supervisor === null) throw new Error(`Slipway ended:\n${tail(output)}`);
      if (performance.now() > giveUpAt) {
        throw new Error(`not healthy after ${START_MS / 1_000} s (${last}):\n${tail(output)}`);
      }
      try {
        const answer = await fetch(`${url}/api/health`, { signal: AbortSignal.timeout(10_000) });
        if (answer.ok) return;
        last = await answer.text();
      } catch (error) {
        last = String(error);
      }
      await sleep(50);
    }
  }

  async function ask(path: string, init: RequestInit = {}): Promise<unknown> {
    const answer = await fetch(`${url}/main/api/v2/${path}`, {
      ...init,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      signal: AbortSignal.timeout(60_000),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text.slice(0, 1_000)}`);
    return JSON.parse(text);
  }

  async function start(): Promise<void> {
    launch();
    await healthy();
    databaseUrl = options.databaseUrl ?? (await locateEmbedded(dataDir)) ?? "";
  }

  function pids() {
    const found: Record<string, number> = {};
    if (supervisor?.pid !== undefined) found.supervisor = supervisor.pid;
    for (const { name, pid } of readChildren(dataDir)) if (isAlive(pid)) found[name] = pid;
    const postmaster = readPostmaster(dataDir);
    if (!options.databaseUrl && postmaster && isAlive(postmaster)) found.postgres = postmaster;
    return found;
  }

  async function stop(): Promise<void> {
    const child = supervisor;
    if (child) {
      const known = Object.values(pids());
      child.kill("SIGTERM");
      const timer = setTimeout(() => {
        for (const pid of known) end(pid);
      }, STOP_MS);
      await exit;
      clearTimeout(timer);
    }
    // What a killed supervisor left behind.
    for (const pid of Object.values(pids())) end(pid);
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
  }

  const instance: SlipwayInstance = {
    url,
    org: "main",
    get token() {
      return token;
    },
    pbPort,
    msgpackPort,
    livePort,
    dataDir,
    get databaseUrl() {
      return databaseUrl;
    },
    output,
    exited: () => exit,
    pids,
    kill(name, signal = "SIGKILL") {
      const pid = pids()[name];
      if (pid === undefined) return null;
      process.kill(pid, signal);
      return pid;
    },
    get: async <T>(path: string) => (await ask(path)) as T,
    async call<T>(path: string, method: string, params: object = {}) {
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
      return ((await ask(path, { method: "POST", body })) as { result: T }).result;
    },
    async apply(config) {
      const text = typeof config === "string" ? config : JSON.stringify(config);
      await ask("config", { method: "POST", body: JSON.stringify({ text }) });
    },
    healthy,
    startAgain: start,
    stop,
  };
  try {
    await start();
    const scopes = ["read", "trigger", "workers", "config", "join"].flatMap((scope) => [
      "--scope",
      scope,
    ]);
    const args = ["token", "create", "--org", "main", "--name", "tests", ...scopes];
    token = (await runToEnd([join(root, ".dist/cli.js"), ...args], env)).trim();
    if (options.config !== undefined) await instance.apply(options.config);
    return instance;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Programs and pages as the sources are now; one caller at a time in a checkout. */
async function ensureBuilt(): Promise<void> {
  const script = (name: string) => pathToFileURL(join(projectRoot(), "scripts", name)).href;
  const { inTurn } = (await import(script("in-turn.mjs"))) as {
    inTurn: (work: () => Promise<unknown>) => Promise<unknown>;
  };
  const build = (await import(script("build.mjs"))) as { ensureBuilt: () => Promise<boolean> };
  await inTurn(() => build.ensureBuilt());
}

function runToEnd(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      err += text;
    });
    child.once("error", reject);
    child.once("close", (status) =>
      status === 0
        ? resolve(out)
        : reject(new Error(`${args.join(" ")}: status ${status}: ${err}`)),
    );
  });
}

function readChildren(dataDir: string): { name: string; pid: number }[] {
  const file = join(dataDir, "supervisor.json");
  if (!existsSync(file)) return [];
  return JSON.parse(readFileSync(file, "utf8")).children;
}

function readPostmaster(dataDir: string): number | null {
  const file = join(dataDir, "postgres/postmaster.pid");
  return existsSync(file) ? Number(readFileSync(file, "utf8").split("\n")[0]) : null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

const tail = (lines: readonly string[]) => lines.slice(-30).join("\n");
