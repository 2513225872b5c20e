/** Bounds of the Perspective Broker door. All are defaults that tests tighten. */
import type { StrangerLimits } from "../strangers";

export interface PbSettings extends StrangerLimits {
  /** Unsent bytes after which a peer that does not read is dropped. */
  readonly maxUnsentBytes: number;
  /** Calls of a peer that may wait for their answer at once; beyond, its socket is not read. */
  readonly maxPendingCalls: number;
  /** Numbers of ended commands remembered until their `decref`; the oldest are forgotten first. */
  readonly maxEndedObjects: number;
  /** How long a connection may say nothing before the door tells of it; it stays open. */
  readonly silenceMs: number;
  /** How long a refused peer may keep its connection. Real workers leave after one or two seconds. */
  readonly refusedLingerMs: number;
  /** How long a keepalive may stay unanswered while nothing else is heard. */
  readonly keepaliveTimeoutMs: number;
  /** Whether `startBuild` is sent right behind the answer to `startCommand` (protocol §8.5). */
  readonly nudges: boolean;
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
}
