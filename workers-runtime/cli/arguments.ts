/** The command line, spelled as `buildbot-worker` has it. */
import { parseArgs } from "node:util";
import { PROTOCOLS } from "./endpoint";
import { DEFAULTS, type Settings } from "./settings";
import { UsageError } from "./usage";

const WORKER_OPTIONS = {
  keepalive: { type: "string", short: "k" },
  umask: { type: "string" },
  maxdelay: { type: "string" },
  maxretries: { type: "string" },
  numcpus: { type: "string" },
  "allow-shutdown": { type: "string", short: "a" },
  "use-tls": { type: "boolean" },
  "connection-string": { type: "string" },
  "proxy-connection-string": { type: "string" },
  "delete-leftover-dirs": { type: "boolean" },
  "kept-output": { type: "string" },
  "kept-time": { type: "string" },
  "give-up-after": { type: "string" },
  protocol: { type: "string" },
  path: { type: "string" },
} as const;

const CREATE_OPTIONS = {
  ...WORKER_OPTIONS,
  force: { type: "boolean", short: "f" },
  relocatable: { type: "boolean", short: "r" },
  "no-logrotate": { type: "boolean", short: "n" },
  "log-size": { type: "string", short: "s" },
  "log-count": { type: "string", short: "l" },
  quiet: { type: "boolean", short: "q" },
  verbose: { type: "boolean" },
} as const;

const RUN_OPTIONS = {
  ...WORKER_OPTIONS,
  basedir: { type: "string" },
  master: { type: "string" },
  name: { type: "string" },
} as const;

const START_OPTIONS = {
  nodaemon: { type: "boolean" },
  quiet: { type: "boolean", short: "q" },
  verbose: { type: "boolean" },
} as const;

type Values = Readonly<Record<string, string | boolean | undefined>>;
type Options = NonNullable<Parameters<typeof parseArgs>[0]>["options"];

function parse(argv: readonly string[], options: Options) {
  try {
    const parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
    return { values: parsed.values as Values, positionals: parsed.positionals };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

export interface CreateOrder {
  readonly basedir: string;
  readonly settings: Settings;
  readonly isForced: boolean;
  readonly isQuiet: boolean;
  readonly isRelocatable: boolean;
}

export function createArguments(argv: readonly string[]): CreateOrder {
  const { values, positionals } = parse(argv, CREATE_OPTIONS);
  const [basedir, master, name, password, ...rest] = positionals;
  if (!basedir || !master || !name || !password || rest.length > 0) {
    throw new UsageError("create-worker takes exactly BASEDIR MASTER[:PORT] NAME PASSWORD");
  }
  if (/^https?:/i.test(master)) {
    throw new UsageError(`${master}: MASTER is HOST[:PORT], not the URL of a page`);
  }
  const settings: Settings = {
    ...workerSettings(values),
    ...{ master: text(values, "connection-string") ?? master, name, password },
    logSize: values["no-logrotate"] ? null : logSize(values),
    logCount:
      values["log-count"] === "None" ? null : (count(values, "log-count") ?? DEFAULTS.logCount),
    unicodeEncoding: null,
  };
  return {
    ...{ basedir, settings, isForced: values.force === true, isQuiet: values.quiet === true },
    isRelocatable: values.relocatable === true,
  };
}

/** Where the master, the name and the password may come from when the command line is silent. */
export interface RunDefaults {
  readonly master: string | undefined;
  readonly name: string | undefined;
  readonly password: string | undefined;
  readonly protocol: string | undefined;
  readonly isOnDemand: boolean;
}

/** Longer than a build is kept for a server that comes back. */
const GIVE_UP_ON_DEMAND = "7200";

export function runArguments(
  argv: readonly string[],
  defaults: RunDefaults,
): { readonly basedir: string; readonly settings: Settings } {
  const { values: said, positionals } = parse(argv, RUN_OPTIONS);
  const giveUp = defaults.isOnDemand ? { "give-up-after": GIVE_UP_ON_DEMAND } : {};
  const values = { protocol: defaults.protocol, ...giveUp, ...said };
  const basedir = text(values, "basedir");
  const master = text(values, "connection-string") ?? text(values, "master") ?? defaults.master;
  const name = text(values, "name") ?? defaults.name;
  if (positionals.length > 0) throw new UsageError(`unexpected argument ${positionals[0]}`);
  if (!basedir || !master || !name) throw new UsageError("run needs --basedir, --master, --name");
  const { password } = defaults;
  if (!password) throw new UsageError("run reads the password from SLIPWAY_WORKER_PASSWORD");
  return { basedir, settings: { ...DEFAULTS, ...workerSettings(values), master, name, password } };
}

export function startArguments(argv: readonly string[]): {
  readonly basedir: string;
  readonly inForeground: boolean;
  readonly isQuiet: boolean;
} {
  const { values, positionals } = parse(argv, START_OPTIONS);
  const [basedir = ".", ...rest] = positionals;
  if (rest.length > 0) throw new UsageError(`unexpected argument ${rest[0]}`);
  return { basedir, inForeground: values.nodaemon === true, isQuiet: values.quiet === true };
}

function workerSettings(values: Values) {
  const allowShutdown = text(values, "allow-shutdown") ?? null;
  if (allowShutdown !== null && allowShutdown !== "signal" && allowShutdown !== "file") {
    throw new UsageError("--allow-shutdown must be signal or file");
  }
  const asked = text(values, "protocol") ?? DEFAULTS.protocol;
  const protocol = PROTOCOLS.find((name) => name === asked);
  if (protocol === undefined) throw new UsageError(`--protocol must be ${PROTOCOLS.join(" or ")}`);
  const proxyConnectionString = text(values, "proxy-connection-string") ?? null;
  if (proxyConnectionString !== null && values["connection-string"] !== undefined) {
    throw new UsageError("--proxy-connection-string does not go with --connection-string");
  }
  return {
    protocol,
    path: text(values, "path") ?? null,
    proxyConnectionString,
    useTls: values["use-tls"] === true,
    keepalive: number(values, "keepalive") ?? DEFAULTS.keepalive,
    maxdelay: number(values, "maxdelay") ?? DEFAULTS.maxdelay,
    maxretries: count(values, "maxretries"),
    numcpus: count(values, "numcpus"),
    umask: umask(values),
    allowShutdown,
    deleteLeftoverDirs: values["delete-leftover-dirs"] === true,
    keptOutput: number(values, "kept-output") ?? DEFAULTS.keptOutput,
    keptTime: number(values, "kept-time") ?? DEFAULTS.keptTime,
    giveUpAfter: number(values, "give-up-after") ?? DEFAULTS.giveUpAfter,
  } as const;
}

/** Nothing is moved aside for a size of 0. */
function logSize(values: Values): number | null {
  return (number(values, "log-size") ?? DEFAULTS.logSize) || null;
}

function text(values: Values, key: string): string | undefined {
  const value = values[key];
  return typeof value === "string" ? value : undefined;
}

function number(values: Values, key: string): number | undefined {
  const value = text(values, key);
  if (value === undefined) return undefined;
  if (!/^\d+(\.\d+)?$/.test(value)) throw new UsageError(`--${key} must be a number`);
  return Number(value);
}

function umask(values: Values): number | null {
  const mask = count(values, "umask");
  if (mask !== null && mask > 0o777) throw new UsageError("--umask is at most 0o777");
  return mask;
}

/** `None`, a decimal or an octal number (`0o22`, `022`). */
function count(values: Values, key: string): number | null {
  const value = text(values, key);
  if (value === undefined || value === "None") return null;
  if (/^0o?[0-7]+$/i.test(value)) return Number.parseInt(value.replace(/^0o?/i, ""), 8);
  if (!/^\d+$/.test(value)) throw new UsageError(`--${key} must be a number or None`);
  return Number(value);
}
