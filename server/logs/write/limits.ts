/** Sizes of the log path. Spec C-142, C-144, A-23. */

/** A stored line with its prefix and its newline is at most this long. */
export const MAX_LINE_BYTES = 64 * 1024;
/** A chunk ends at this many stored bytes, or at `MAX_CHUNK_LINES`, whichever comes first. */
export const MAX_CHUNK_BYTES = 64 * 1024;
export const MAX_CHUNK_LINES = 1000;

export interface LogLimits {
  /** Stored bytes kept from the beginning of a log. */
  readonly maxSizeBytes: number;
  /** Stored bytes kept from the end, once the beginning is full. */
  readonly maxTailBytes: number;
}

export const DEFAULT_LIMITS: LogLimits = {
  maxSizeBytes: 1024 ** 3,
  maxTailBytes: 1024 ** 2,
};

/** s stdio, t text, h HTML. `d` (deleted) is never written to. */
export type WritableLogType = "s" | "t" | "h";

export type LogStream = "stdout" | "stderr" | "header" | "stdin";

/** First character of each line of a stdio log. */
export const STREAM_PREFIX: Readonly<Record<LogStream, number>> = {
  stdout: "o".charCodeAt(0),
  stderr: "e".charCodeAt(0),
  header: "h".charCodeAt(0),
  stdin: "i".charCodeAt(0),
};
