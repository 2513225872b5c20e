/** Ends of commands that no worker told. */
import type { CommandEnd } from "../domain/wire";
import { type CloseReason, SessionLost } from "./contract";
import { messageOf } from "./errors";

/** What a builder's commands look like to a worker that dropped the builder meanwhile. */
export const BUILDER_GONE = "the worker no longer serves this builder";
/** What a worker is told when the signal has no text as its reason. */
const DEFAULT_WHY = "command interrupted";
const MAX_WHY = 1024;

export const INTERRUPTED_BEFORE: CommandEnd = {
  kind: "completed",
  rc: -1,
  elapsedSeconds: null,
  failureReason: null,
};

/** The end of a connection whose worker says that it ends, and what it kept with it. */
export const LEFT: CloseReason = { code: "worker-left", message: "the worker ended" };

export function lost(message: string): CommandEnd {
  return { kind: "lost", message };
}

export function failed(message: string): CommandEnd {
  return { kind: "failed", message };
}

export function endOfError(error: unknown): CommandEnd {
  return error instanceof SessionLost ? lost(error.message) : failed(messageOf(error));
}

/** Why a command is interrupted, for the worker. */
export function whyOf(reason: unknown): string {
  const why = typeof reason === "string" && reason !== "" ? reason : DEFAULT_WHY;
  return why.slice(0, MAX_WHY);
}
