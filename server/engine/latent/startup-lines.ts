/**
 * Lines for the logs of builds that wait for a machine, gathered for a moment so that machines that
 * talk much, and many of them, cost few statements. They tell what happens and decide nothing: one that cannot be
 * written is dropped.
 */
import type { Queryable } from "../../db/pool";
import type { WorkerId } from "../../domain/ids";
import { mergeCalls } from "../../events/merge-calls";
import { type Grown, notePreparation, type PreparationLine, type Voice } from "./preparation";

const GATHER_MS = 100;
/** Of one worker, waiting to be written. */
const MOST_WAITING = 500;

export interface StartupLines {
  note(workerId: WorkerId, voice: Voice, text: string): void;
  /** What was noted so far is written. Never rejects. */
  flush(): Promise<void>;
}

export function createStartupLines(context: {
  readonly db: Queryable;
  /** The logs have come so far. */
  readonly stored: (grown: readonly Grown[]) => void;
  readonly onError: (error: unknown) => void;
}): StartupLines {
  let waiting = new Map<WorkerId, PreparationLine[]>();
  let timer: NodeJS.Timeout | null = null;

  // One after the other, so that the lines keep their order.
  const write = mergeCalls(async () => {
    if (timer) clearTimeout(timer);
    timer = null;
    const lines = waiting;
    waiting = new Map();
    context.stored(await notePreparation(context.db, lines));
  }, context.onError);

  return {
    note(workerId, voice, text) {
      const lines = waiting.get(workerId) ?? [];
      if (lines.length === 0) waiting.set(workerId, lines);
      if (lines.length < MOST_WAITING) lines.push({ voice, text });
      timer ??= setTimeout(() => void write(), GATHER_MS);
    },
    flush: write,
  };
}
