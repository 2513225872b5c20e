/** Where the viewer's lines come from. The viewer knows neither tRPC nor sockets. */
export type Stream = "stdout" | "stderr" | "header" | "stdin";

export interface Line {
  /** From 0; people see it from 1. */
  readonly number: number;
  readonly stream: Stream;
  /** Without newline; may hold escapes for colours. */
  readonly text: string;
}

export interface LogSource {
  /** Durable lines as far as is known; never shrinks. */
  readonly lineCount: number;
  /** No line will be added. */
  readonly isComplete: boolean;
  /** False while news of lines may be missed; they are caught up with by number afterwards. */
  readonly isConnected: boolean;
  /** Lines `from` to `from + count - 1`; fewer when they are long or do not exist. */
  fetch(from: number, count: number): Promise<readonly Line[]>;
  /** Called when one of the three above has changed. @returns what ends it */
  subscribe(changed: () => void): () => void;
}

export interface UpdatableSource extends LogSource {
  update(news: {
    readonly lineCount?: number;
    readonly isComplete?: boolean;
    readonly isConnected?: boolean;
  }): void;
}

/** A source fed by whoever hears the news: events may come late, twice or not in order. */
export function createLogSource(
  initial: { readonly lineCount: number; readonly isComplete: boolean },
  fetch: LogSource["fetch"],
): UpdatableSource {
  let { lineCount, isComplete } = initial;
  let isConnected = true;
  const listeners = new Set<() => void>();
  return {
    get lineCount() {
      return lineCount;
    },
    get isComplete() {
      return isComplete;
    },
    get isConnected() {
      return isConnected;
    },
    fetch,
    subscribe(changed) {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    update(news) {
      const before = [lineCount, isComplete, isConnected];
      lineCount = Math.max(lineCount, news.lineCount ?? 0);
      isComplete ||= news.isComplete ?? false;
      isConnected = news.isConnected ?? isConnected;
      const after = [lineCount, isComplete, isConnected];
      if (after.every((value, n) => value === before[n])) return;
      for (const listener of listeners) listener();
    },
  };
}
