/** The log path: from a worker's bytes to durable chunks, and from chunks back to lines. */

export { perQuery } from "./read/per-query";
export { type LogLine, type ReadLinesOptions, readLines } from "./read/read-lines";
export { readRaw } from "./read/read-raw";
export { type HiddenValue, Redactor } from "./redact/redactor";
export { FencedError, LogConflictError, LogDiscardedError } from "./write/errors";
export {
  DEFAULT_LIMITS,
  type LogLimits,
  type LogStream,
  type WritableLogType,
} from "./write/limits";
export { LogIds } from "./write/log-ids";
export { type LogProgress, LogWriter, type LogWriterOptions } from "./write/log-writer";
export type { OpenLog, OpenOptions } from "./write/open-log";
export { addFinalChunks, finalColumns, type PreparedChunks } from "./write/prepared-chunks";
export type { LogCounts, LogFence, LogIdentity } from "./write/statement";
