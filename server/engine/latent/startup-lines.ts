/**
 * Lines for the logs of builds that wait for a machine, gathered for a moment so that a machine that
 * talks much costs few statements. They tell what happens and decide nothing: one that cannot be
 * written is dropped.
 */
import type { Queryable } from "../../db/pool";
import type { WorkerId } from "../../domain/ids";
import { type Grown, notePreparation, type PreparationLine, type Voice } from "./preparation";

const GATHER_MS = 100;
/** Of one worker, waiting to be written. */
const MOST_WAITING = 500;

export interface StartupLines {
  note(workerId: WorkerId, voice: Voice, text: string): void;
  /** What was noted of this worker so far is written. Never rejects. */
  flush(workerId: WorkerId): Promise<void>;
}

export function createStartupLines(context: {
  readonly db: Queryable;
  /** The logs have come so far. */
  readonly stored: (grown: readonly Grown[]) => void;
  readonly onError: (error: unknown) => void;
}): StartupLines {
  const waiting = new Map<WorkerId, PreparationLine[]>();
  const writing = new Map<WorkerId, Promise<void>>();

  async function write(workerId: WorkerId): Promise<void> {
    const lines = waiting.get(workerId) ?? [];
    waiting.delete(workerId);
    try {
      context.stored(await notePreparation(context.db, workerId, lines));
    } catch (error) {
      context.onError(error);
    }
  }

  /** One after the other, so that the lines keep their order. */
  function flush(workerId: WorkerId): Promise<void> {
    const before = writing.get(workerId) ?? Promise.resolve();
    const done: Promise<void> = before
      .then(() => write(workerId))
      .then(() => {
        if (writing.get(workerId) === done) writing.delete(workerId);
      });
    writing.set(workerId, done);
    return done;
  }

  return {
    note(workerId, voice, text) {
      const lines = waiting.get(workerId);
      if (lines) {
        if (lines.length < MOST_WAITING) lines.push({ voice, text });
        return;
      }
      waiting.set(workerId, [{ voice, text }]);
      setTimeout(() => void flush(workerId), GATHER_MS);
    },
    flush,
  };
}
