/** The logs of one running step: opened with their first bytes, closed when the step ends. */
import type { FinalLog } from "../../db/transition";

/** One log, as the log path offers it. */
export interface OpenLog {
  /** A returned promise is back-pressure. The bytes are copied before it returns. */
  append(stream: "stdout" | "stderr" | "header", bytes: Uint8Array): void | Promise<void>;
  /** The last chunks and counts, for the statement that ends the step. */
  takeFinal(): Promise<FinalLog>;
  /** Nothing of it counts any more. */
  discard(): void;
}

export interface StepLogs {
  output(stream: "stdout" | "stderr" | "header", bytes: Uint8Array): void | Promise<void>;
  file(name: string, bytes: Uint8Array): void | Promise<void>;
  close(): Promise<FinalLog[]>;
  discard(): void;
}

/** More watched files than this go unheard; a step names a few. */
const MAX_LOGS = 50;

export function createStepLogs(
  open: (name: string, slug: string, type: "s" | "t") => OpenLog,
): StepLogs {
  const logs = new Map<string, OpenLog>();
  const slugs = new Set<string>();

  function get(name: string, type: "s" | "t"): OpenLog | null {
    const existing = logs.get(name);
    if (existing) return existing;
    if (logs.size >= MAX_LOGS) return null;
    const log = open(name, unique(slugOf(name), slugs), type);
    logs.set(name, log);
    return log;
  }

  return {
    output: (stream, bytes) => get("stdio", "s")?.append(stream, bytes),
    file: (name, bytes) => get(name.slice(0, 50), "t")?.append("stdout", bytes),
    async close() {
      return Promise.all([...logs.values()].map((log) => log.takeFinal()));
    },
    discard() {
      for (const log of logs.values()) log.discard();
    },
  };
}

/** As Buildbot spells slugs: a letter, then letters, digits and underscores, at most 50. */
function slugOf(name: string): string {
  const slug = name.replace(/[^A-Za-z0-9_]+/g, "_").slice(0, 46);
  return /^[A-Za-z_]/.test(slug) ? slug : `_${slug}`;
}

export function unique(name: string, taken: Set<string>): string {
  let candidate = name;
  for (let number = 1; taken.has(candidate); number += 1) candidate = `${name}_${number}`;
  taken.add(candidate);
  return candidate;
}
