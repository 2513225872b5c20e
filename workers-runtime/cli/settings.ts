/**
 * What a worker is set to do: `BASEDIR/slipway-worker.json`, mode 0600, for it holds the password.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROTOCOLS, type Whereabouts } from "./endpoint";
import { UsageError } from "./usage";

export const SETTINGS_FILE = "slipway-worker.json";

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
  /** Bytes of one log file; null for one that grows for ever. */
  readonly logSize: number | null;
  readonly logCount: number | null;
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
  logSize: 10_000_000,
  logCount: 10,
} as const satisfies Omit<Settings, "master" | "name" | "password">;

/** Reads and checks the file. Throws `UsageError` in words for the person who wrote it. */
export function readSettings(basedir: string): Settings {
  const path = join(basedir, SETTINGS_FILE);
  let told: unknown;
  try {
    told = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const why = isMissing ? "there is no worker here; see create-worker" : String(error);
    throw new UsageError(`${path}: ${why}`);
  }
  if (typeof told !== "object" || told === null) throw new UsageError(`${path}: not an object`);
  return checkSettings({ ...DEFAULTS, ...told }, path);
}

function checkSettings(all: Record<string, unknown>, path: string): Settings {
  const wrong = (key: string, wanted: string): never => {
    throw new UsageError(`${path}: ${key} must be ${wanted}`);
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
    logSize: optional("logSize"),
    logCount: optional("logCount"),
  };
}
