/**
 * One worker from its start to the end of this process.
 *
 * SIGTERM and SIGINT stop it, SIGHUP drains it where that is allowed, and when the process that started
 * it with a channel goes away, it goes too. Nothing it started is left behind.
 */
import { mkdirSync, statSync, watch } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Environment } from "../process/environment";
import { killAllGroups } from "../process/groups";
import { Worker } from "../session/worker";
import { msgpackTransport } from "../transports/msgpack/connect";
import { pbTransport } from "../transports/pb/connect";
import { dial } from "./dial";
import { readEndpoint } from "./endpoint";
import type { Settings } from "./settings";

const STAMP_FILE = "shutdown.stamp";
/** Where the file system does not tell of changes, and for what it told too early. */
const LOOK_FOR_STAMP_MS = 10_000;

/** Resolves with the exit status of the process. */
export async function runWorker(
  basedir: string,
  settings: Settings,
  environ: Environment,
  log: (line: string) => void,
): Promise<number> {
  const directory = resolve(basedir);
  mkdirSync(directory, { recursive: true });
  if (settings.umask !== null) process.umask(settings.umask);
  const endpoint = readEndpoint(settings);
  const { host, port } = endpoint;
  const { unicodeEncoding } = settings;
  if (unicodeEncoding !== null && !/^(utf-?8|u8|ascii|us-ascii)$/i.test(unicodeEncoding)) {
    log(`unicode_encoding ${unicodeEncoding} is not known here: UTF-8 is used`);
  }
  log(`worker ${settings.name} for ${host}:${port} (${settings.protocol}), in ${directory}`);
  const worker = new Worker({
    basedir: directory,
    credentials: { name: settings.name, password: settings.password },
    dial: (signal) => dial(endpoint, environ, signal),
    transport: settings.protocol === "pb" ? pbTransport : msgpackTransport(endpoint),
    environ,
    deleteLeftoverDirs: settings.deleteLeftoverDirs,
    numcpus: settings.numcpus,
    keptOutputBytes: settings.keptOutput,
    keptSeconds: settings.keptTime,
    keepaliveSeconds: settings.keepalive,
    maxDelaySeconds: settings.maxdelay,
    maxRetries: settings.maxretries,
    giveUpSeconds: settings.giveUpAfter,
    random: Math.random,
    log,
  });
  const stop = () => {
    worker.stop();
    killAllGroups();
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on("SIGHUP", () => (settings.allowShutdown === "signal" ? worker.drain() : stop()));
  process.on("disconnect", stop);
  process.on("exit", killAllGroups);
  if (settings.allowShutdown === "file") {
    watchStamp(join(directory, STAMP_FILE), () => worker.drain());
  }
  const end = await worker.ended;
  log(`ended: ${end}`);
  return end === "out of attempts" || end === "no master" ? 1 : 0;
}

/** Calls `touched` when the file's time changes, or when it appears. */
function watchStamp(path: string, touched: () => void): void {
  const time = () => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? null;
  let known = time();
  const look = () => {
    const now = time();
    if (now !== null && now !== known) touched();
    known = now;
  };
  setInterval(look, LOOK_FOR_STAMP_MS).unref();
  try {
    const watcher = watch(dirname(path), { persistent: false }, (_, name) => {
      if (name === basename(path)) look();
    });
    watcher.on("error", () => watcher.close());
  } catch {
    // Too many watches on this host: the timer is left.
  }
}
