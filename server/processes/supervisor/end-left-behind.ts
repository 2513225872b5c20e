import { setTimeout } from "node:timers/promises";
import { isSame } from "../../db/embedded";
import type { RecordedChild } from "./data-dir-lock";

const PATIENCE_MS = 10_000;

/**
 * Ends the children of a supervisor that was killed, so that their ports are free and nobody works
 * under an old key. Ours notice by themselves that they are alone and are only waited for.
 */
export async function endLeftBehind(children: RecordedChild[]): Promise<void> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    for (const child of children) send(child, signal);
    const giveUpAt = Date.now() + PATIENCE_MS;
    while (Date.now() < giveUpAt && children.some(isSame)) await setTimeout(50);
    if (!children.some(isSame)) return;
  }
}

function send(child: RecordedChild, signal: NodeJS.Signals): void {
  if (!isSame(child)) return;
  // A foreign program leads its own group; ours do not, and the first call then fails.
  for (const target of [-child.pid, child.pid]) {
    try {
      process.kill(target, signal);
      return;
    } catch {}
  }
}
