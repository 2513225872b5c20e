/**
 * What a worker says of itself, decoded and bounded (protocol §2.9; spec W-053 to W-056).
 *
 * A worker may be of any age and the dictionary of any size, so what is too long is cut, what is too
 * much is left out, and a missing entry has a default: nothing here can fail.
 */
import type { WorkerFacts } from "../../domain/wire";
import type { Jelly } from "./codec";
import { asNumber, asString, Dictionary } from "./codec";

const MAX_ENTRIES = 2_000;
const MAX_KEY = 256;
const MAX_TEXT = 64 * 1024;
const MAX_TOTAL = 1024 * 1024;
const MAX_NAME = 256;
const MAX_PATH = 4096;

/** Keys that have a place of their own; all others are `info`. */
const KNOWN = new Set(["environ", "system", "basedir", "numcpus", "version", "worker_commands"]);

/** What workers of before 0.9 tell in three calls instead of one. */
export interface AncientFacts {
  readonly commands: Jelly;
  readonly version: Jelly;
}

export function readWorkerFacts(value: Jelly, ancient?: AncientFacts): WorkerFacts {
  const told = value instanceof Dictionary ? value : new Dictionary();
  const budget = { left: MAX_TOTAL };
  const commands = told.get("worker_commands") ?? told.get("slave_commands") ?? ancient?.commands;
  const cpus = asNumber(told.get("numcpus"));
  return {
    version: text(told.get("version") ?? ancient?.version, MAX_NAME),
    system: text(told.get("system"), MAX_NAME),
    basedir: text(told.get("basedir"), MAX_PATH),
    numcpus: cpus !== null && Number.isSafeInteger(cpus) && cpus > 0 ? cpus : null,
    workerCommands: record(commands, budget, () => true),
    environ: record(told.get("environ"), budget, () => true),
    info: record(told, budget, (key) => !KNOWN.has(key)),
  };
}

function text(value: Jelly | undefined, length: number): string {
  return (asString(value) ?? "").slice(0, length);
}

function record(
  value: Jelly | undefined,
  budget: { left: number },
  wants: (key: string) => boolean,
): Record<string, string> {
  const entries: [string, string][] = [];
  if (!(value instanceof Dictionary)) return {};
  for (const [rawKey, rawValue] of value.entries) {
    const key = asString(rawKey);
    const told = plain(rawValue);
    if (key === null || key.length > MAX_KEY || told === null || !wants(key)) continue;
    const shown = told.slice(0, MAX_TEXT);
    budget.left -= key.length + shown.length;
    if (entries.length >= MAX_ENTRIES || budget.left < 0) break;
    entries.push([key, shown]);
  }
  return Object.fromEntries(entries);
}

/** Texts as they are, numbers and booleans in words, all else left out. */
function plain(value: Jelly): string | null {
  const told = asString(value);
  if (told !== null) return told;
  if (typeof value === "boolean") return String(value);
  const number = asNumber(value);
  return number === null ? null : String(number);
}
