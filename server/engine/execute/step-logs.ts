/** The logs of one running step: opened with their first bytes, closed when the step ends. */
import { storableText } from "../../db/json-text";
import type { LogId } from "../../domain/ids";
import type { OpenLog, PreparedChunks } from "../../logs";

export interface StepLogs {
  output(stream: "stdout" | "stderr" | "header", bytes: Uint8Array): void | Promise<void>;
  file(name: string, bytes: Uint8Array): void | Promise<void>;
  /** The last chunks of every log, for the statement that ends the step. */
  close(): Promise<PreparedChunks[]>;
  /** Nothing of them counts any more. */
  discard(): void;
}

export interface LogOpener {
  /** An id at hand, so that the first log opens at once. */
  readonly firstId: LogId;
  nextId(): Promise<LogId>;
  open(id: LogId, name: string, slug: string, type: "s" | "t"): OpenLog;
}

/** More watched files than this go unheard; a step names a few. */
const MAX_LOGS = 50;

export function createStepLogs(opener: LogOpener): StepLogs {
  const logs = new Map<string, OpenLog>();
  /** Watched files whose id is on its way, and what they said meanwhile. */
  const opening = new Map<string, Promise<OpenLog>>();
  const slugs = new Set<string>();
  let firstId: LogId | null = opener.firstId;

  function openNow(id: LogId, name: string, type: "s" | "t"): OpenLog {
    const log = opener.open(id, name, unique(slugOf(name), slugs), type);
    logs.set(name, log);
    return log;
  }

  async function openLater(name: string): Promise<OpenLog> {
    const log = openNow(await opener.nextId(), name, "t");
    opening.delete(name);
    return log;
  }

  function stdio(): OpenLog {
    const open = logs.get("stdio");
    if (open) return open;
    if (firstId === null) throw new Error("stdio was opened twice");
    const id = firstId;
    firstId = null;
    return openNow(id, "stdio", "s");
  }

  return {
    output: (stream, bytes) => stdio().append(stream, bytes),
    file(given, bytes) {
      const name = storableText(given.slice(0, 50));
      const open = logs.get(name);
      if (open) return open.append("stdout", bytes);
      if (logs.size + opening.size >= MAX_LOGS) return;
      const kept = Buffer.from(bytes);
      const later = opening.get(name) ?? openLater(name);
      opening.set(name, later);
      return later.then((log) => log.append("stdout", kept));
    },
    async close() {
      await Promise.all(opening.values());
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
