import { join } from "node:path";
import { childEnv, type Env, type ProcessEnv } from "../../env";
import { checkPorts } from "./check-ports";
import type { StopDeadlines } from "./child";
import type { ChildSpec } from "./child-spec";
import { type DataDirLock, lockDataDir } from "./data-dir-lock";
import { endLeftBehind } from "./end-left-behind";
import { keepDatabase } from "./keep-database";
import { migrateWhenThere, openDatabase } from "./open-database";
import { type ProcessGone, Supervisor } from "./supervisor";

export interface AllOptions {
  env: Env;
  /** The checkout: holds `.dist`, `.next` and `prisma/migrations`. */
  root: string;
  /** Folder with `web.js`, `socket.js` and `jobs.js`; `.dist` of the checkout when absent. */
  programs?: string;
  /** Lines for the operator, at a terminal or in a journal. */
  say(line: string): void;
  /** After the migrations, before any child: first organisation, first administrator, demo. */
  bootstrap(env: ProcessEnv): Promise<{ setupUrl: string | null }>;
  /** A process of ours or a local worker ended: its claims may be taken over at once. */
  onProcessGone(env: ProcessEnv, gone: ProcessGone): void | Promise<void>;
  /** Further programs, such as local workers, once the three are ready. */
  furtherPrograms(env: ProcessEnv): Promise<ChildSpec[]>;
  /** After the start: nothing here can go on. The caller stops, and whoever started it starts anew. */
  onFault(reason: string): void;
  /** When stopping, between the end of the last child and that of the database. */
  afterChildren?(): Promise<void>;
  /** How long children may take to stop. */
  deadlines?: StopDeadlines;
}

export interface RunningAll {
  supervisor: Supervisor;
  env: ProcessEnv;
  /** Children, then database, then the data directory's lock. */
  stop(): Promise<void>;
}

const PROCESSES = ["web", "socket", "jobs"] as const;

/**
 * The whole installation on one host: data directory, database, migrations, processes, workers.
 * Settles when everything is ready. `signal` stops a start half-way; what had been started is
 * stopped again before this rejects.
 */
export async function runAll(options: AllOptions, signal: AbortSignal): Promise<RunningAll> {
  const undo: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (let step = undo.pop(); step; step = undo.pop()) await step();
  };
  try {
    const { supervisor, env } = await start(options, signal, undo);
    return { supervisor, env, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  options: AllOptions,
  signal: AbortSignal,
  undo: (() => Promise<void>)[],
): Promise<{ supervisor: Supervisor; env: ProcessEnv }> {
  const { say, root } = options;
  const lock = await lockDataDir(options.env.dataDir);
  undo.push(async () => lock.release());
  await endLeftBehind(lock.leftBehind);
  await checkPorts(options.env);
  signal.throwIfAborted();

  const { env, embedded } = await openDatabase(options.env, say);
  const database = embedded && keepDatabase(embedded, env.dataDir, say);
  undo.push(async () => database?.stop());
  say(embedded ? `embedded PostgreSQL is up (process ${embedded.pid})` : "using DATABASE_URL");
  say(env.redisUrl === null ? "queues are in PostgreSQL" : "queues are in Redis (REDIS_URL)");
  const applied = await migrateWhenThere(env, join(root, "prisma/migrations"), say, signal);
  if (applied.length > 0) say(`applied ${applied.length} migrations`);
  undo.push(async () => options.afterChildren?.());
  const { setupUrl } = await options.bootstrap(env);
  signal.throwIfAborted();

  const reports = new Set<Promise<void>>();
  undo.push(async () => {
    await Promise.all(reports);
  });
  const supervisor = makeSupervisor(options, env, lock, reports);
  undo.push(() => supervisor.stop());
  for (const name of PROCESSES) supervisor.add(processSpec(name, options, env));
  await Promise.race([supervisor.ready(...PROCESSES), aborted(signal)]);
  for (const spec of await options.furtherPrograms(env)) supervisor.add(spec);
  void database?.lost.then((reason) => options.onFault(reason));
  say(`Slipway is ready at ${env.web.publicUrl}`);
  if (setupUrl) say(`First administrator: open ${setupUrl} (works once)`);
  return { supervisor, env };
}

/** @param reports those of ended processes that are under way */
function makeSupervisor(
  options: AllOptions,
  env: ProcessEnv,
  lock: DataDirLock,
  reports: Set<Promise<void>>,
): Supervisor {
  const report = async (gone: ProcessGone) => {
    try {
      await options.onProcessGone(env, gone);
    } catch (error) {
      const { message } = error as Error;
      options.say(`${gone.name} | (its claims will lapse by themselves: ${message})`);
    }
  };
  return new Supervisor({
    say: options.say,
    ...(options.deadlines && { deadlines: options.deadlines }),
    onChange: (running) => lock.record(running),
    onProcessGone: (gone) => {
      const underWay = report(gone).finally(() => reports.delete(underWay));
      reports.add(underWay);
    },
  });
}

function processSpec(
  name: (typeof PROCESSES)[number],
  options: AllOptions,
  env: ProcessEnv,
): ChildSpec {
  const programs = options.programs ?? join(options.root, ".dist");
  return {
    name,
    command: process.execPath,
    args: ["--enable-source-maps", join(programs, `${name}.js`)],
    env: childEnv(env),
    cwd: options.root,
    ...(name === "socket" && { orderlyMs: env.workers.drainSeconds * 1_000 }),
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = () => reject(signal.reason);
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
}
