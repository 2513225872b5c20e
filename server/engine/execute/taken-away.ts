/**
 * A machine that is taken away (a drained node, a spot machine, a host that shuts down) ends everything
 * on it at once, and the worker may still tell that a signal ended the command before its own end is
 * seen. That is no result of the build (K-034): whoever ends by a signal that nobody here has sent is
 * believed when its worker is still there a moment later.
 */
import type { CommandEnd } from "../../domain/wire";
import type { WorkerSession } from "../../protocols/contract";

const MOMENT_MS = 3_000;
/** What a shell answers whose child died of HUP, INT, KILL or TERM. */
const BY_SIGNAL: ReadonlySet<number> = new Set([-1, 129, 130, 137, 143]);

/** @param ends of the step's commands, in their order */
export async function isTakenAway(
  session: Pick<WorkerSession, "closed">,
  ends: readonly CommandEnd[],
): Promise<boolean> {
  const last = ends.at(-1);
  // With a reason the worker itself ended it: a timeout, too much output.
  if (last?.kind !== "completed" || last.failureReason !== null) return false;
  if (last.rc === null || !BY_SIGNAL.has(last.rc)) return false;
  let timer: NodeJS.Timeout | undefined;
  const moment = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, MOMENT_MS, false);
  });
  try {
    return await Promise.race([session.closed.then(() => true), moment]);
  } finally {
    clearTimeout(timer);
  }
}
