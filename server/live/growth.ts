/**
 * Logs that grow in one `socket` process and are watched through another.
 *
 * A process whose browsers watch builds or logs says so to all, and again every so often while that
 * lasts. Whoever writes such a log tells that process how far it has come, merged like everything that
 * browsers hear. What nobody watches from elsewhere costs nothing. A word may be lost: the next one
 * says more, and the end of a log comes by the outbox.
 */
import type { ProcessId } from "../domain/ids";
import { processChannel, WATCHING } from "../events/bus";
import type { LogProgress } from "./live-server";

const MERGE_MS = 100;
const RENEW_MS = 20_000;
const FORGET_MS = 3 * RENEW_MS;
/** What fits into one notification, with room to spare. */
const MOST_WORDS = 150;

const TOPIC = /^(build|log):\d{1,15}$/;
const GROWN = /^(\d{1,15})\/(\d{1,15})\/(\d{1,15})\/(\d{1,15})$/;

export interface GrowthContext {
  readonly processId: ProcessId;
  readonly announce: (channel: string, payload: string) => void;
  /** What browsers of this process watch: `build:12`, `log:34`, and others. */
  readonly watched: () => readonly string[];
  /** Tells the browsers of this process. */
  readonly show: (progress: readonly LogProgress[]) => void;
  readonly now?: () => number;
}

export interface Growth {
  /** Lines of this process's logs became durable. */
  stored(progress: readonly LogProgress[]): void;
  /** Somebody watches these here from now on: all are told. */
  watch(topics: readonly string[]): void;
  /** What a process said to all; null: something may have been missed. */
  said(payload: string | null): void;
  /** @returns whether what was told to this process is of ours */
  heard(payload: string): boolean;
  close(): void;
}

export function createGrowth(context: GrowthContext): Growth {
  const { processId, announce, watched, show, now = () => performance.now() } = context;
  /** By topic, the processes that watch it, each with the time until when. */
  const watchers = new Map<string, Map<ProcessId, number>>();
  const waiting = new Map<ProcessId, Map<number, LogProgress>>();
  let timer: NodeJS.Timeout | null = null;

  const renewing = setInterval(() => {
    watch(watched());
    for (const [topic, processes] of watchers) {
      for (const [id, until] of processes) if (until < now()) processes.delete(id);
      if (processes.size === 0) watchers.delete(topic);
    }
  }, RENEW_MS);

  function watch(topics: readonly string[]): void {
    for (const some of inPieces(topics.filter((topic) => TOPIC.test(topic))))
      announce(WATCHING, [processId, ...some].join(" "));
  }

  function tell(): void {
    timer = null;
    for (const [process, progress] of waiting) {
      const words = [...progress.values()].map(({ orgId, logId, buildId, lineCount }) =>
        [orgId, logId, buildId, lineCount].join("/"),
      );
      for (const some of inPieces(words)) {
        announce(processChannel(process), ["grown", ...some].join(" "));
      }
    }
    waiting.clear();
  }

  return {
    stored(progress) {
      show(progress);
      if (watchers.size === 0) return;
      for (const each of progress) {
        for (const topic of [`build:${each.buildId}`, `log:${each.logId}`]) {
          for (const [process, until] of watchers.get(topic) ?? []) {
            if (until < now()) continue;
            const logs = waiting.get(process) ?? new Map<number, LogProgress>();
            waiting.set(process, logs.set(each.logId, each));
          }
        }
      }
      if (waiting.size > 0) timer ??= setTimeout(tell, MERGE_MS);
    },
    watch,
    said(payload) {
      if (payload === null) {
        watch(watched());
        return;
      }
      const [first, ...topics] = payload.split(" ");
      const process = Number(first) as ProcessId;
      if (process === processId || !Number.isSafeInteger(process)) return;
      for (const topic of topics.filter((each) => TOPIC.test(each))) {
        const processes = watchers.get(topic) ?? new Map<ProcessId, number>();
        watchers.set(topic, processes.set(process, now() + FORGET_MS));
      }
    },
    heard(payload) {
      const [word, ...rest] = payload.split(" ");
      if (word !== "grown") return false;
      show(
        rest.flatMap((each) => {
          const numbers = GROWN.exec(each)?.slice(1).map(Number);
          if (numbers === undefined) return [];
          const [orgId = 0, logId = 0, buildId = 0, lineCount = 0] = numbers;
          return [{ orgId, logId, buildId, lineCount }];
        }),
      );
      return true;
    },
    close() {
      clearInterval(renewing);
      if (timer !== null) clearTimeout(timer);
    },
  };
}

function inPieces(words: readonly string[]): string[][] {
  const pieces: string[][] = [];
  for (let start = 0; start < words.length; start += MOST_WORDS) {
    pieces.push(words.slice(start, start + MOST_WORDS));
  }
  return pieces;
}
