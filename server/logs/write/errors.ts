import type { BuildId, LogId } from "../../domain/ids";

/** The build has another owner or epoch, or the log is closed: nothing was changed. */
export class FencedError extends Error {
  override readonly name = "FencedError";
  constructor(
    readonly logId: LogId,
    readonly buildId: BuildId,
  ) {
    super(`log ${logId} of build ${buildId} is not ours to write any more`);
  }
}

/** Other lines are stored where these should go: two writers believed to own one log. */
export class LogConflictError extends Error {
  override readonly name = "LogConflictError";
  constructor(readonly logId: LogId) {
    super(`log ${logId} holds other lines than those written here`);
  }
}

/** The program gave the log up before its lines were stored. */
export class LogDiscardedError extends Error {
  override readonly name = "LogDiscardedError";
  constructor(readonly logId: LogId) {
    super(`log ${logId} was given up`);
  }
}

/**
 * Whether trying again may help. Only what is wrong with the statement or its values (SQLSTATE
 * classes 21, 22, 23, 42) will be wrong for ever; all else is an outage, a restart, a fail-over or
 * a deadlock.
 */
export function isPassing(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return !/^(?:21|22|23|42)[0-9A-Z]{3}$/.test(code);
}
