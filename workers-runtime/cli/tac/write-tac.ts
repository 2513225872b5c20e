/**
 * A `buildbot.tac` of ours. It is read by us and can be run by Buildbot's worker, so that a directory may
 * change from one to the other; the words `Application('buildbot-worker')` are what that one looks for.
 */
import { readEndpoint } from "../endpoint";
import { DEFAULTS, type Settings } from "../settings";
import { KEPT } from "./kept";
import { quoted } from "./plain-text";

export interface TacOptions {
  readonly settings: Settings;
  /** Absolute; null for a directory that may be moved. */
  readonly basedir: string | null;
}

export function writeTac({ settings, basedir }: TacOptions): string {
  const isHere = basedir === null;
  return [
    "# How this worker is set. slipway-worker reads the values and runs nothing of this file;",
    "# buildbot-worker can be started with it as well.",
    "import os",
    "from buildbot_worker.bot import Worker",
    "from twisted.application import service",
    "",
    `basedir = ${quoted(isHere ? "." : basedir)}`,
    ...(isHere
      ? ["if basedir == '.':", "    basedir = os.path.dirname(os.path.abspath(__file__))"]
      : []),
    "application = service.Application('buildbot-worker')",
    ...rotation(settings),
    ...kept(settings),
    "",
    "s = Worker(",
    `    ${placed(settings).join(", ")},`,
    ...named(settings).map((each) => `    ${each},`),
    ")",
    "s.setServiceParent(application)",
    "",
  ].join("\n");
}

function rotation({ logSize, logCount }: Settings): string[] {
  if (logSize === null) return [];
  return [
    "",
    "from twisted.python.log import FileLogObserver, ILogObserver",
    "from twisted.python.logfile import LogFile",
    `rotateLength = ${logSize}`,
    `maxRotatedFiles = ${python(logCount)}`,
    "logfile = LogFile.fromFullPath(",
    "    os.path.join(basedir, 'twistd.log'),",
    "    rotateLength=rotateLength, maxRotatedFiles=maxRotatedFiles,",
    ")",
    "application.setComponent(ILogObserver, FileLogObserver(logfile).emit)",
  ];
}

/** Buildbot's worker has no such arguments: for it these are names that nobody uses. */
function kept(settings: Settings): string[] {
  return (Object.keys(KEPT) as (keyof typeof KEPT)[])
    .filter((key) => settings[key] !== DEFAULTS[key])
    .map((key) => `${KEPT[key]} = ${settings[key]}`);
}

function placed(settings: Settings): string[] {
  const { host, port } = readEndpoint(settings);
  const master = isConnection(settings) ? ["None", "None"] : [quoted(host), String(port)];
  const { name, password, keepalive } = settings;
  return [...master, quoted(name), quoted(password), "basedir", String(keepalive)];
}

function named(settings: Settings): string[] {
  const told: [string, string | number | boolean | null][] = [
    ["maxdelay", settings.maxdelay],
    ["numcpus", settings.numcpus],
    ["allow_shutdown", settings.allowShutdown],
    ["maxRetries", settings.maxretries],
    ["useTls", settings.useTls],
    ["delete_leftover_dirs", settings.deleteLeftoverDirs],
    ["protocol", settings.protocol],
    ["proxy_connection_string", settings.proxyConnectionString],
  ];
  if (isConnection(settings)) told.push(["connection_string", settings.master]);
  if (settings.path !== null) told.push(["path", settings.path]);
  const { umask } = settings;
  return [
    `umask=${umask === null ? "None" : `0o${umask.toString(8)}`}`,
    ...told.map(([key, value]) => `${key}=${python(value)}`),
  ];
}

function isConnection({ master }: Settings): boolean {
  return /^(tcp|tls|ssl|wss?):/i.test(master);
}

function python(value: string | number | boolean | null): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  return typeof value === "number" ? String(value) : quoted(value);
}
