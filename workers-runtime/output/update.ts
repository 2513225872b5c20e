/** What a running command tells its master, before a transport encodes it (protocol §4.2). */
import type { FailureReason, StatResult } from "../../server/domain/wire";

export type TextStream = "stdout" | "stderr" | "header" | "log";

export type Update =
  | { readonly key: "stdout" | "stderr" | "header"; readonly text: Uint8Array }
  | { readonly key: "log"; readonly name: string; readonly text: Uint8Array }
  | { readonly key: "rc" | "elapsed"; readonly value: number }
  | { readonly key: "failure_reason"; readonly value: FailureReason }
  | { readonly key: "files"; readonly value: readonly string[] }
  | { readonly key: "stat"; readonly value: StatResult };

/** The master's end of one command. Does nothing once the connection is gone. */
export interface CommandChannel {
  /** What came together; in the order of events. */
  send(updates: readonly Update[]): void;
  /** Ends the command; `failure` says why the worker could not carry it out, null otherwise. */
  complete(failure: string | null): void;
  /** Whether so much is unsent on the connection that producers should stop. */
  readonly isFull: boolean;
  /** Calls back once, when there is room again or the connection is gone. */
  onRoom(resume: () => void): void;
}
