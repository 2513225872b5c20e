/**
 * The seam between a worker and the protocol it speaks with its master.
 *
 * A transport logs in over one connection and passes on what the master asks; the host answers. All
 * that is of one protocol (object numbers, sequence numbers) stays inside the transport's folder.
 */
import type { Duplex } from "node:stream";
import type { BuilderRef, CommandKey } from "../../server/domain/wire";
import type { WorkerCommand } from "../commands";
import type { CommandChannel } from "../output/update";

export interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** Values of `getWorkerInfo`, in any shape that both protocols can carry. */
export type WorkerInfo = Readonly<
  Record<string, string | number | boolean | Readonly<Record<string, string>>>
>;

/** The worker, as a master sees it. A throw, or a rejection, is answered as a failure. */
export interface WorkerHost {
  describe(): Promise<WorkerInfo>;
  /** Replaces the list of builders; commands of those that are gone end. */
  serve(builders: readonly BuilderRef[]): Promise<void>;
  /**
   * Accepts a command, or throws. It ends through `channel`, whatever happens. One that still runs
   * for the same builder is interrupted first. Null for a protocol whose commands belong to no
   * builder: they run beside one another, and their ids tell them apart.
   */
  start(builder: string | null, id: string, command: WorkerCommand, channel: CommandChannel): void;
  /**
   * The same for a command with a key, for this builder in any protocol (`domain/wire/keep.ts`).
   * @returns what was found, as it goes back to the master
   */
  keep(
    builder: string,
    id: string,
    command: WorkerCommand,
    channel: CommandChannel,
    key: CommandKey,
  ): string;
  /** What is kept for other builders is wanted by nobody. */
  keepOnly(builders: readonly string[]): void;
  interrupt(builder: string | null, id: string, why: string): void;
  /** The master has no more use for this worker: the process ends soon after. */
  shutdown(): void;
  /** A word of the master, or of the transport, for the log. */
  said(text: string): void;
}

export interface CloseReason {
  /** Whether the master refused the name or the password. */
  readonly isRefusal: boolean;
  readonly message: string;
}

/** One connection. */
export interface Connection {
  /** Settles once the master has taken the worker in: true; or false when it came to nothing. */
  readonly attached: Promise<boolean>;
  /** Settles once, when the connection is gone. */
  readonly closed: Promise<CloseReason>;
  /**
   * Asks the master for no more builds; it answers with a `shutdown` when it is ready. Rejects when
   * the master cannot be asked.
   */
  askToDrain(): Promise<void>;
  /** A round trip to the master; false when none came back in time. */
  keepAlive(timeoutMs: number): Promise<boolean>;
  close(message: string): void;
  /** The same for good: a master that waits for kept commands is told that it need not. */
  leave(message: string): void;
}

/** Logs in over a socket that is, or is about to be, connected. */
export type Transport = (socket: Duplex, credentials: Credentials, host: WorkerHost) => Connection;
