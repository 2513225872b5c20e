/** The vocabulary of both sides (protocol §3.3, §3.4), so that a door and a worker spell it alike. */

import { KEEP_ONLY, type LEAVING } from "../../../domain/wire";

/** What a master asks of a worker; the last is an extension of ours (`domain/wire/keep.ts`). */
export const MASTER_OPS = [
  "print",
  "keepalive",
  "get_worker_info",
  "set_worker_settings",
  "start_command",
  "interrupt_command",
  "shutdown",
  KEEP_ONLY.msgpack,
] as const;
export type MasterOp = (typeof MASTER_OPS)[number];

/** What a worker asks of its master; each names a running command in `command_id`. */
export const WORKER_OPS = [
  "update",
  "complete",
  "update_upload_file_write",
  "update_upload_file_close",
  "update_upload_file_utime",
  "update_upload_directory_write",
  "update_upload_directory_unpack",
  "update_read_file",
  "update_read_file_close",
] as const;
export type WorkerOp = (typeof WORKER_OPS)[number];

/**
 * A worker's wish for no more builds. Buildbot has no word for it over msgpack: its workers never say
 * this one, and its masters answer that they do not know it.
 */
export const DRAIN_OP = "shutdown" satisfies MasterOp;

/** What a worker says of itself and not of a command. */
export type SelfOp = typeof DRAIN_OP | typeof LEAVING;

/** Arguments of `set_worker_settings`. A worker wants all four; they count for commands to come. */
export interface WorkerSettings {
  /** Bytes of output kept back at most. */
  readonly buffer_size: number;
  /** Seconds that output is kept back at most. */
  readonly buffer_timeout: number;
  /** A Python regular expression of what becomes a newline. */
  readonly newline_re: string;
  readonly max_line_length: number;
}

/** What Buildbot's masters have always sent: line ends, and movements of a terminal's cursor. */
export const NEWLINE_RE = String.raw`(\r\n|\r(?=.)|\033\[u|\033\[[0-9]+;[0-9]+[Hf]|\033\[2J|\x08+)`;

/** Texts that real peers answer failed requests with. */
export const Refusal = {
  notAuthenticated: "Worker not authenticated.",
  unknownCommandId: 'unknown "command_id"',
  unknownOp: (op: string) => `Command ${op} does not exist.`,
} as const;
