/**
 * Commands that outlive a connection: an extension of ours to both protocols.
 *
 * A worker that can keep a command, and what it has said, through a lost connection names itself in
 * its information (`KEEPS_COMMANDS`); nobody else is ever told of any of this. Its value is the
 * version of the extension and the worker process's own mark, so that a worker that was started
 * anew is not taken for the one before.
 *
 * Such a worker gets a key with each command. Asked for a key that it knows, it does not run the
 * command again: it says again all that the command has said, from the first byte, and goes on with
 * what comes. The answer to the start tells what it found; text that begins with `GONE` says that
 * what the command had said is not all there any more, and why.
 */

/** The key in the worker's information, and the version that is spoken here. */
export const KEEPS_COMMANDS = "slipway_keeps_commands";
export const KEEPING_VERSION = 1;

export interface CommandKey {
  /** Names one step of one build for ever; means nothing to the worker but being the same or not. */
  readonly step: string;
  /** Which command of the step, counted from 0. */
  readonly ordinal: number;
}

/** What a worker found under a key: nothing, so it starts; or a command that runs, or has ended. */
export type Found = "new" | "running" | "ended";

export const GONE = "gone: ";

/** What a worker's information says of keeping: `1 5f0c…`. */
export function keepsValue(mark: string): string {
  return `${KEEPING_VERSION} ${mark}`;
}

/** The worker process's mark, or null when it keeps nothing in a way that is spoken here. */
export function markOf(value: unknown): string | null {
  const [, version, mark] =
    typeof value === "string" ? (/^(\d{1,4}) ([\w-]{8,64})$/.exec(value) ?? []) : [];
  return Number(version) === KEEPING_VERSION && mark !== undefined ? mark : null;
}

/** The key as it travels: `[step, ordinal]`. */
export function keyOf(step: unknown, ordinal: unknown): CommandKey | null {
  if (typeof step !== "string" || step === "" || step.length > 256) return null;
  if (!Number.isSafeInteger(ordinal) || (ordinal as number) < 0) return null;
  return { step, ordinal: ordinal as number };
}

/** Words of the extension: to the worker, and from it. */
export const KEEP_ONLY = { pb: "keepOnly", msgpack: "keep_only" } as const;
export const LEAVING = "leaving";
