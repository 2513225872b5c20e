/** The logs of one running step: opened with their first bytes, closed when the step ends. */
import { storableText } from "../../db/json-text";
import type { LogId } from "../../domain/ids";
import type { OpenLog, PreparedChunks } from "../../logs";

export interface StepLogs {
  output(stream: "stdout" | "stderr" | "header", bytes: Uint8Array): void | Promise<void>;
  file(name: string, bytes: Uint8Array): void | Promise<void>;
  /** The last chunks of every log, for the statement that ends the step. */
  close(): Promise<PreparedChunks[]>;
  /** Nothing of them counts any more, nor what is said from now on. */
  discard(): void;
}

/** A log that this step wrote to before it was begun again. */
export interface StoredLog {
  readonly logId: LogId;
  readonly name: string;
  readonly slug: string;
  readonly createdAt: Date;
  readonly lineCount: number;
  readonly byteCount: number;
}

export interface LogOpener {
  /** An id at hand, so that the first log opens at once. */
  readonly firstId: LogId;
  nextId(): Promise<LogId>;
  open(id: LogId, name: string, slug: string, type: "s" | "t", stored: StoredLog | null): OpenLog;
  /** All that is said comes again, and these have a part of it already. */
  readonly stored: readonly StoredLog[];
}

/** More watched files than this go unheard; a step names a few. */
const MAX_LOGS = 50;

export function createStepLogs(opener: LogOpener): StepLogs {
  const logs = new Map<string, OpenLog>();
  /** Watched files whose id is on its way, and what they said meanwhile. */
  const opening = new Map<string, Promise<OpenLog>>();
  const stored = new Map(opener.stored.map((log) => [log.name, log]));
  const slugs = new Set(opener.stored.map(({ slug }) => slug));
  let firstId: LogId | null = opener.firstId;
  let isDiscarded = false;

  function openNow(given: LogId, name: string, type: "s" | "t"): OpenLog {
    const known = stored.get(name) ?? null;
    const slug = known?.slug ?? unique(slugOf(name), slugs);
    const log = opener.open(known?.logId ?? given, name, slug, type, known);
    logs.set(name, log);
    if (isDiscarded) log.discard();
    return log;
  }

  async function openLater(name: string): Promise<OpenLog> {
    const log = openNow(stored.get(name)?.logId ?? (await opener.nextId()), name, "t");
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
    output(stream, bytes) {
      if (!isDiscarded) return stdio().append(stream, bytes);
    },
    file(given, bytes) {
      if (isDiscarded) return;
      const name = storableText(given.slice(0, 50));
      const open = logs.get(name);
      if (open) return open.append("stdout", bytes);
      if (logs.size + opening.size >= MAX_LOGS) return;
      const kept = Buffer.from(bytes);
      const later = opening.get(name) ?? openLater(name);
      opening.set(name, later);
      return later.then((log) => {
        if (!isDiscarded) return log.append("stdout", kept);
      });
    },
    async close() {
      await Promise.all(opening.values());
      return Promise.all([...logs.values()].map((log) => log.takeFinal()));
    },
    discard() {
      isDiscarded = true;
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
