/**
 * The settings in a `buildbot.tac`, ours or one that `buildbot-worker create-worker` made: assignments
 * and the call of `Worker(…)` are read, and nothing is ever run. A setting that the file computes in a
 * way not known here is refused by its line, never guessed.
 */
import { realpathSync } from "node:fs";
import { dirname } from "node:path";
import { DEFAULTS } from "../settings";
import { UsageError } from "../usage";
import { KEPT } from "./kept";
import { type Line, readLines, type Token } from "./lines";
import { argumentsOf, COMPUTED, closes, evaluate, type Plain, type Scope, spelled } from "./value";

/** Names of the constructor's arguments in their order; the last ones are given by name only. */
const ORDER = [
  ...["buildmaster_host", "port", "name", "passwd", "basedir", "keepalive", "usepty"],
  ...["keepaliveTimeout", "umask", "maxdelay", "numcpus", "unicode_encoding", "protocol"],
  ...["useTls", "allow_shutdown", "maxRetries", "connection_string", "delete_leftover_dirs"],
  ...["proxy_connection_string", "path"],
] as const;

/** Of no consequence here; the directory that the file lies in is known without it. */
const MAY_BE_COMPUTED = new Set(["basedir", "usepty", "keepaliveTimeout"]);

const IMPLIES_A_BLOCK = /^(if|elif|else|for|while|try|except|finally|with|def|class|async|match)$/;

type Arguments = ReadonlyMap<string, { readonly value: Plain; readonly line: number }>;

/** What the file says, with our names; to be checked as any settings are. */
export function readTac(
  source: string,
  path: string,
  environment: Scope["environment"],
): Record<string, unknown> {
  const names = new Map<string, ReturnType<typeof evaluate>>();
  const scope: Scope = { names, environment };
  let worker: Arguments | null = null;
  let rotation: Record<string, unknown> = { logSize: null, logCount: DEFAULTS.logCount };
  for (const { line, isInBlock } of withBlocks(readLines(source))) {
    const { tokens, number } = line;
    const call = workerCall(tokens);
    if (call !== null) {
      if (worker !== null || isInBlock) {
        throw new UsageError(`line ${number}: one Worker(…), outside of any block, is understood`);
      }
      worker = argumentsOfWorker(call, number, scope);
    }
    const assigned = assignment(tokens);
    if (assigned === null) continue;
    if (/LogFile(\.fromFullPath)?\(/.test(spelled(assigned.tokens, 0, 9))) {
      rotation = rotationOf(assigned.tokens, number, scope);
    }
    names.set(assigned.name, isInBlock ? COMPUTED : evaluate(assigned.tokens, scope));
  }
  if (worker === null) throw new UsageError("there is no Worker(…) in it");
  return { ...settingsOf(worker, path), ...rotation, ...keptOf(names) };
}

function keptOf(names: ReadonlyMap<string, ReturnType<typeof evaluate>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(KEPT).flatMap(([key, name]) => {
      const value = names.get(name);
      if (value?.kind === "computed") {
        throw new UsageError(`${name} is computed; only a plain value is understood`);
      }
      return value === undefined ? [] : [[key, value.value]];
    }),
  );
}

/** Each line, and whether it stands in a block; the block that makes a directory movable is left out. */
function* withBlocks(lines: readonly Line[]) {
  let blockIndent: number | null = null;
  let isRelocation = false;
  for (const line of lines) {
    if (blockIndent !== null && line.indent > blockIndent) {
      if (!isRelocation) yield { line, isInBlock: true };
      continue;
    }
    blockIndent = null;
    const [first] = line.tokens;
    if (first?.kind === "name" && IMPLIES_A_BLOCK.test(first.text)) {
      blockIndent = line.indent;
      isRelocation = spelled(line.tokens, 0, line.tokens.length) === "ifbasedir==.:";
      if (isRelocation) continue;
    }
    yield { line, isInBlock: blockIndent !== null };
  }
}

function assignment(tokens: readonly Token[]) {
  const [name, equals, ...rest] = tokens;
  if (name?.kind !== "name" || equals?.kind !== "op" || equals.text !== "=") return null;
  return { name: name.text, tokens: rest };
}

/** What stands between the brackets of `Worker(…)`, or of the `BuildSlave(…)` of old files. */
function workerCall(tokens: readonly Token[]): readonly Token[] | null {
  const at = tokens.findIndex(
    ({ kind, text }, index) =>
      kind === "name" && /^(Worker|BuildSlave)$/.test(text) && tokens[index + 1]?.text === "(",
  );
  const isDefined = tokens[0]?.text === "class" || tokens[0]?.text === "def";
  return at < 0 || isDefined ? null : tokens.slice(at + 2, closes(tokens, at + 1));
}

function argumentsOfWorker(tokens: readonly Token[], line: number, scope: Scope): Arguments {
  const told = new Map<string, { value: Plain; line: number }>();
  for (const [index, given] of argumentsOf(tokens).entries()) {
    const named = assignment(given);
    const isSpread = given[0]?.text.startsWith("*");
    const key = named === null ? ORDER[isSpread ? ORDER.length : index] : spelling(named.name);
    if (key === undefined || (named !== null && !ORDER.some((known) => known === key))) {
      throw new UsageError(`line ${line}: ${named?.name ?? "an argument"}: not known to Worker(…)`);
    }
    const value = evaluate(named?.tokens ?? given, scope);
    if (value.kind === "computed" && MAY_BE_COMPUTED.has(key)) continue;
    if (value.kind === "computed") {
      throw new UsageError(`line ${line}: ${key} is computed; only a plain value is understood`);
    }
    told.set(key, { value: value.value, line });
  }
  return told;
}

/** The same argument under the name it has had at other times. */
function spelling(name: string): string {
  if (name === "usePTY") return "usepty";
  return name === "workername" || name === "slavename" ? "name" : name;
}

function rotationOf(tokens: readonly Token[], line: number, scope: Scope) {
  const keys = new Map([
    ["rotateLength", "logSize"],
    ["maxRotatedFiles", "logCount"],
  ]);
  const told: Record<string, unknown> = { logSize: DEFAULTS.logSize, logCount: null };
  const open = tokens.findIndex(({ text }) => text === "(");
  for (const given of argumentsOf(tokens.slice(open + 1, closes(tokens, open)))) {
    const named = assignment(given);
    const key = named && keys.get(named.name);
    if (!named || !key) continue;
    const value = evaluate(named.tokens, scope);
    if (value.kind === "computed") throw new UsageError(`line ${line}: ${named.name} is computed`);
    told[key] = value.value;
  }
  // Nothing is moved aside for a size of 0.
  return { ...told, logSize: told.logSize === 0 ? null : told.logSize };
}

function settingsOf(worker: Arguments, path: string): Record<string, unknown> {
  const get = (key: string): Plain => worker.get(key)?.value ?? null;
  const basedir = get("basedir");
  if (typeof basedir === "string" && basedir !== "." && !isSame(basedir, dirname(path))) {
    throw new UsageError(`basedir is ${basedir}, and this file lies elsewhere; correct basedir`);
  }
  const [host, port, connection] = [get("buildmaster_host"), get("port"), get("connection_string")];
  if (connection !== null && (host !== null || port !== null)) {
    throw new UsageError("with a connection_string, host and port must be None");
  }
  return {
    master: connection ?? masterOf(host, port),
    ...{ name: get("name"), password: get("passwd"), keepalive: get("keepalive") ?? 0 },
    ...{ umask: get("umask"), maxdelay: get("maxdelay") ?? DEFAULTS.maxdelay },
    ...{ numcpus: get("numcpus"), unicodeEncoding: get("unicode_encoding") },
    ...{ protocol: get("protocol") ?? DEFAULTS.protocol, useTls: flag(get("useTls")) },
    ...{ allowShutdown: get("allow_shutdown"), maxretries: get("maxRetries"), path: get("path") },
    deleteLeftoverDirs: flag(get("delete_leftover_dirs")),
    proxyConnectionString: get("proxy_connection_string"),
  };
}

/** Buildbot's own command writes its flags as 0 and 1. */
function flag(value: Plain): unknown {
  return value === null || value === 0 || value === 1 ? value === 1 : value;
}

function masterOf(host: Plain, port: Plain): string {
  if (typeof host !== "string" || host === "") throw new UsageError("buildmaster_host is missing");
  return `${host.includes(":") ? `[${host}]` : host}${port === null ? "" : `:${port}`}`;
}

function isSame(one: string, other: string): boolean {
  try {
    return realpathSync(one) === realpathSync(other);
  } catch {
    return false;
  }
}
