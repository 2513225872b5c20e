/**
 * What a worker is set to do: `BASEDIR/buildbot.tac`, mode 0600, for it holds the password. Directories
 * made by the first versions of this program have `slipway-worker.json` in its place.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PROTOCOLS, type Whereabouts } from "./endpoint";
import { readTac } from "./tac/read-tac";
import { UsageError } from "./usage";

export const SETTINGS_FILE = "buildbot.tac";
const FORMER_SETTINGS_FILE = "slipway-worker.json";

export interface Settings extends Whereabouts {
  readonly name: string;
  readonly password: string;
  readonly keepalive: number;
  readonly maxdelay: number;
  readonly maxretries: number | null;
  readonly numcpus: number | null;
  readonly umask: number | null;
  readonly allowShutdown: "signal" | "file" | null;
  readonly deleteLeftoverDirs: boolean;
  /** Bytes of each command's output kept for a connection that comes back; 0: commands end with it. */
  readonly keptOutput: number;
  /** Seconds that commands go on without any connection. */
  readonly keptTime: number;
  /** Seconds without being taken in by a master, after which the worker ends; 0 for never. */
  readonly giveUpAfter: number;
  /** Bytes of one log file; null for one that grows for ever. */
  readonly logSize: number | null;
  readonly logCount: number | null;
  /** How programs' arguments and output are encoded; null for UTF-8, and nothing else is understood. */
  readonly unicodeEncoding: string | null;
}

/** Everything but what a person must say. */
export const DEFAULTS = {
  protocol: "pb",
  useTls: false,
  path: null,
  proxyConnectionString: null,
  keepalive: 600,
  maxdelay: 300,
  maxretries: null,
  numcpus: null,
  umask: null,
  allowShutdown: null,
  deleteLeftoverDirs: false,
  keptOutput: 1024 ** 3,
  keptTime: 3_600,
  giveUpAfter: 0,
  logSize: 10_000_000,
  logCount: 10,
  unicodeEncoding: null,
} as const satisfies Omit<Settings, "master" | "name" | "password">;

/** Whether a worker was ever made in this directory. */
export function isWorkerDirectory(basedir: string): boolean {
  return [SETTINGS_FILE, FORMER_SETTINGS_FILE].some((name) => existsSync(join(basedir, name)));
}

/**
 * Reads and checks the settings; `environment` is for a file that takes some from there. Throws
 * `UsageError` in words for the person who wrote it.
 */
export function readSettings(
  basedir: string,
  environment: Readonly<Record<string, string | undefined>>,
): Settings {
  if (!isWorkerDirectory(basedir)) {
    throw new UsageError(`${basedir}: there is no worker here; see create-worker`);
  }
  const tac = join(basedir, SETTINGS_FILE);
  const path = existsSync(tac) ? tac : join(basedir, FORMER_SETTINGS_FILE);
  try {
    const text = readFileSync(path, "utf8");
    const told = path === tac ? readTac(text, path, environment) : JSON.parse(text);
    if (typeof told !== "object" || told === null) throw new UsageError("not an object");
    return checkSettings({ ...DEFAULTS, ...told });
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${path}: ${problem}`);
  }
}

function checkSettings(all: Record<string, unknown>): Settings {
  const wrong = (key: string, wanted: string): never => {
    throw new UsageError(`${key} must be ${wanted}`);
  };
  const text = (key: string): string => {
    const value = all[key];
    return typeof value === "string" && value !== "" ? value : wrong(key, "a text");
  };
  const flag = (key: string): boolean => {
    const value = all[key];
    return typeof value === "boolean" ? value : wrong(key, "true or false");
  };
  const number = (key: string): number => {
    const value = all[key];
    const isFine = typeof value === "number" && Number.isFinite(value) && value >= 0;
    return isFine ? value : wrong(key, "a number, not below 0");
  };
  const optional = (key: string): number | null => (all[key] === null ? null : number(key));
  const optionalText = (key: string): string | null => (all[key] === null ? null : text(key));
  const { allowShutdown } = all;
  return {
    master: text("master"),
    name: text("name"),
    password: text("password"),
    protocol:
      PROTOCOLS.find((name) => name === all.protocol) ??
      wrong("protocol", PROTOCOLS.map((name) => `"${name}"`).join(" or ")),
    useTls: flag("useTls"),
    path: optionalText("path"),
    proxyConnectionString: optionalText("proxyConnectionString"),
    keepalive: number("keepalive"),
    maxdelay: number("maxdelay"),
    maxretries: optional("maxretries"),
    numcpus: optional("numcpus"),
    umask: optional("umask"),
    allowShutdown:
      allowShutdown === null || allowShutdown === "signal" || allowShutdown === "file"
        ? allowShutdown
        : wrong("allowShutdown", '"signal", "file" or null'),
    deleteLeftoverDirs: flag("deleteLeftoverDirs"),
    keptOutput: number("keptOutput"),
    keptTime: number("keptTime"),
    giveUpAfter: number("giveUpAfter"),
    logSize: optional("logSize"),
    logCount: optional("logCount"),
    unicodeEncoding: optionalText("unicodeEncoding"),
  };
}
