/**
 * The seam between the fleet and the wire: how a worker talks to us.
 *
 * A protocol listens on a port of its own, proves who is calling, and hands the fleet one
 * `WorkerSession` per connection. Everything a protocol needs to know of the installation comes
 * in through the `WorkerDoor`.
 *
 * Order, for each connection:
 *  1. the peer says its login name; the protocol asks `door.credentials` for the passwords that
 *     count, and compares. A refusal looks the same on the wire whether the name is unknown or the
 *     password wrong (spec W-006) and is told to `door.refused`, which writes the log;
 *  2. `door.admit(hello, session)`: the fleet arbitrates duplicates, calls `session.describe()` and
 *     `session.serve()`, and resolves. Only then is the login answered as accepted (protocol
 *     §2.7.4). `{ refused }` turns the peer away kindly, so that it comes again;
 *  3. the session serves commands until `closed` settles. It settles exactly once, for every
 *     session that was ever handed to `admit`.
 *
 * A hostile peer costs one connection: oversized, nested, truncated or slow input ends that
 * connection with a logged reason and touches nothing else.
 */
import type { Range } from "../domain/addresses";
import type {
  BuilderRef,
  Command,
  CommandEnd,
  CommandKey,
  CommandSink,
  Found,
  WorkerFacts,
} from "../domain/wire";
import type { RefusalReason } from "../domain/workers/refusal";

export interface Peer {
  /** Textual address and port of the other end. */
  readonly address: string;
  readonly port: number;
}

export interface Hello {
  readonly loginName: string;
  readonly protocol: ProtocolName;
  readonly peer: Peer;
}

export type ProtocolName = "pb" | "msgpack" | "null";

/** Why a session ended, for the log and the worker's page. */
export interface CloseReason {
  readonly code:
    | "peer-closed"
    | "peer-reset"
    | "protocol-error"
    | "timeout"
    | "too-slow"
    | "dropped-by-us"
    /** Its worker has another one. */
    | "replaced"
    /** The worker ends, and what it kept with it. */
    | "worker-left"
    | "shutting-down";
  readonly message: string;
}

export type { RefusalReason } from "../domain/workers/refusal";

/** For a command of a worker that keeps its commands (`WorkerFacts.keeps`; `domain/wire/keep.ts`). */
export interface Keeping {
  readonly key: CommandKey;
  /** What the worker found under the key; told before the command's end is. */
  found?(found: Found): void;
}

export type Admission =
  | {
      readonly admitted: true;
      /** The worker asks to be drained (PB perspective `shutdown`). */
      onDrainRequested(): void;
    }
  | { readonly admitted: false; readonly reason: string };

export interface WorkerDoor {
  /**
   * Clear passwords that are valid now for this login name (usually one; two while rotating).
   * Null for an unknown name. May take a while; the protocol bounds the wait. Rejects with
   * `LoginRefused` for a login that is refused whatever its password is. The peer is the very object
   * that the hello of this connection has.
   */
  credentials(loginName: string, peer: Peer): Promise<readonly string[] | null>;
  admit(hello: Hello, session: WorkerSession): Promise<Admission>;
  /**
   * A connection that did not become a session, told at most once for each; `silent` and `left` too,
   * which are no refusals but all that is known of it.
   */
  refused(reason: RefusalReason, peer: Peer, loginName: string | null, detail: string): void;
}

export interface WorkerSession {
  readonly hello: Hello;
  /** Milliseconds since the epoch of the last byte heard from the peer. */
  readonly lastHeardAt: number;
  /** Settles once, when the connection is gone for whatever reason. Never rejects. */
  readonly closed: Promise<CloseReason>;

  /**
   * Worker information, bounded. Rejects with `SessionLost` when the connection goes, and with an
   * `Error` in the worker's words when it refuses.
   */
  describe(): Promise<WorkerFacts>;
  /** A line for the worker's own log. Nobody waits for it, and it may be lost. */
  say?(message: string): void;
  /**
   * Tell the worker its builders; replaces the former list. Does nothing when nothing changed. A
   * command that runs for a builder left out ends as lost. Rejects like `describe`.
   */
  serve(builders: readonly BuilderRef[]): Promise<void>;
  /**
   * A round trip to the worker. Resolves false on time-out or loss, never rejects. The time
   * begins anew after a sink's back-pressure kept the socket from being read.
   */
  ping(timeoutMs: number): Promise<boolean>;
  /**
   * From now on the worker is sent something so often, at the most; null: never. One that stays
   * unanswered in silence ends the connection. Until the first call nothing is sent.
   */
  keepAliveEvery(seconds: number | null): void;

  /**
   * Run one command for a builder that was served. At most one command per builder at a time;
   * different builders are independent. `stop` interrupts: the worker is told once, and the
   * command still ends through its own `complete` (protocol §6.4). Never rejects.
   *
   * A `stop` that fired before starts nothing and ends like an interrupted command, with rc -1. A
   * builder that is not served or is busy, or arguments that cannot be sent (a text over 640 KiB on
   * PB), end as failed. A `stop.reason` that is a text is what the worker is told.
   *
   * With `keep`, for a worker that keeps its commands and no other, the sink is told everything that
   * the command of that key has said and will say, whether it runs for the first time, still runs or
   * has ended. It ends as lost while the session is open when the worker has not kept all of it; the
   * message says why. Transfers that had not ended are run again.
   */
  run(
    builder: string,
    command: Command,
    sink: CommandSink,
    stop: AbortSignal,
    keep?: Keeping,
  ): Promise<CommandEnd>;
  /**
   * What the worker keeps for other builders than these is wanted by nobody: it is ended and
   * forgotten. For a worker that keeps its commands and no other.
   */
  keepOnly(builders: readonly string[]): void;

  /**
   * Ask the worker process to exit (graceful and forced shutdown alike). Resolves once it has
   * answered, or is gone; `closed` tells when it is.
   */
  shutdown(): Promise<void>;
  /** Drop the connection. `closed` settles with the reason given. */
  close(reason: CloseReason): void;
}

/** A protocol listening on its port. */
export interface Listening {
  readonly port: number;
  /** Whoever comes from now on finds the port closed; what is connected stays. */
  stopAccepting(): void;
  /** Stops accepting and drops what is connected. Resolves when every session's `closed` has. */
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 picks a free port (tests). */
  readonly port: number;
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Who may say in a PROXY header whom it speaks for. */
  readonly trustedProxies?: readonly Range[];
  /** How long a peer may take from connect to an accepted login. */
  readonly loginTimeoutMs: number;
}

export interface WorkerProtocol {
  readonly name: ProtocolName;
  listen(door: WorkerDoor, options: ListenOptions): Promise<Listening>;
}

/** Looks like any refusal on the wire; why stands in `door.refused` only. */
export class LoginRefused extends Error {
  override readonly name = "LoginRefused";

  constructor(
    readonly reason: RefusalReason,
    detail: string,
  ) {
    super(detail);
  }
}

/** The connection went away while something was asked of it. */
export class SessionLost extends Error {
  override readonly name = "SessionLost";
}
