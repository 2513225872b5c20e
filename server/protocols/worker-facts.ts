/**
 * What a worker says of itself, decoded and bounded (protocol §2.9; spec W-053 to W-056).
 *
 * A worker may be of any age and the dictionary of any size, so what is too long is cut, what is too
 * much is left out, and a missing entry has a default: nothing here can fail.
 */
import { KEEPS_COMMANDS, markOf, type WorkerFacts } from "../domain/wire";

const MAX_ENTRIES = 2_000;
const MAX_KEY = 256;
const MAX_TEXT = 64 * 1024;
const MAX_TOTAL = 1024 * 1024;
const MAX_NAME = 256;
const MAX_PATH = 4096;

/** Keys that have a place of their own; all others are `info`. */
const KNOWN = new Set([
  "environ",
  "system",
  "basedir",
  "numcpus",
  "version",
  "worker_commands",
  KEEPS_COMMANDS,
]);

/** Something a worker said: a text, a number, or a dictionary of such; null for all else. */
export type Said = string | number | boolean | ReadonlyMap<string, Said> | null;

export function readWorkerFacts(said: Said): WorkerFacts {
  const told = said instanceof Map ? said : new Map<string, Said>();
  const budget = { left: MAX_TOTAL };
  const cpus = told.get("numcpus");
  return {
    version: text(told.get("version"), MAX_NAME),
    system: text(told.get("system"), MAX_NAME),
    basedir: text(told.get("basedir"), MAX_PATH),
    numcpus: typeof cpus === "number" && Number.isSafeInteger(cpus) && cpus > 0 ? cpus : null,
    workerCommands: record(told.get("worker_commands"), budget, () => true),
    environ: record(told.get("environ"), budget, () => true),
    info: record(told, budget, (key) => !KNOWN.has(key)),
    keeps: markOf(told.get(KEEPS_COMMANDS)),
  };
}

function text(said: Said | undefined, length: number): string {
  return typeof said === "string" ? said.slice(0, length) : "";
}

function record(
  said: Said | undefined,
  budget: { left: number },
  wants: (key: string) => boolean,
): Record<string, string> {
  const entries: [string, string][] = [];
  if (!(said instanceof Map)) return {};
  for (const [key, value] of said) {
    if (value === null || value instanceof Map || key.length > MAX_KEY || !wants(key)) continue;
    // Numbers and booleans in words.
    const shown = String(value).slice(0, MAX_TEXT);
    budget.left -= key.length + shown.length;
    if (entries.length >= MAX_ENTRIES || budget.left < 0) break;
    entries.push([key, shown]);
  }
  return Object.fromEntries(entries);
}
