/** Bounds of the msgpack door. All are defaults that tests tighten. */
import type { StrangerLimits } from "../strangers";
import type { WorkerSettings } from "./codec";

export interface MsgpackSettings extends StrangerLimits {
  /** Unsent bytes after which a peer that does not read is dropped. */
  readonly maxUnsentBytes: number;
  /** Requests of a peer that may wait for their answer at once; beyond, its socket is not read. */
  readonly maxPendingRequests: number;
  /** How long a connection may say nothing before the door tells of it; it stays open. */
  readonly silenceMs: number;
  /** How long a keepalive may stay unanswered while nothing else is heard. */
  readonly keepaliveTimeoutMs: number;
  /** Whether an unasked pong is sent right behind the answer to `start_command` (protocol §8.5). */
  readonly nudges: boolean;
  /** How workers keep their output back. */
  readonly worker: WorkerSettings;
  readonly now: () => number;
}
