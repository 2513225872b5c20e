/** What a worker answers to the start of a command with a key (`domain/wire/keep.ts`). */
import { GONE } from "../domain/wire";
import { lost } from "./command-ends";
import type { CommandProgress } from "./command-progress";
import type { Keeping } from "./contract";

const MAX_WHY = 500;

export function takeAnswer(answer: string | null, keep: Keeping, progress: CommandProgress): void {
  if (answer === "new" || answer === "running" || answer === "ended") keep.found?.(answer);
  else if (answer?.startsWith(GONE)) progress.end(lost(answer.slice(GONE.length, MAX_WHY)));
}
