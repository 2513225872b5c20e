/**
 * Who keeps what a running build has begun: one worker process, and the way in which its commands
 * and lines are made here. A build is carried on only where both are the same.
 */
import type { WorkerFacts } from "../../domain/wire";

/** Raised when the same recipe makes other commands, or other lines of the same output, than before. */
const WAY = 1;

/** Null for a worker that keeps nothing. */
export function keeperOf({ keeps }: Pick<WorkerFacts, "keeps">): string | null {
  return keeps === null ? null : `${WAY} ${keeps}`;
}
