/** Perspective Broker, the protocol of every Python worker since 2003 (protocol §2). */
import { randomBytes } from "node:crypto";
import type { WorkerProtocol } from "../contract";
import { STRANGER_LIMITS } from "../strangers";
import { listen } from "./listener";
import type { PbSettings } from "./settings";

export type { PbSettings } from "./settings";

const DEFAULTS: PbSettings = {
  maxUnsentBytes: 8 * 1024 * 1024,
  maxPendingCalls: 64,
  maxEndedObjects: 4_096,
  ...STRANGER_LIMITS,
  silenceMs: 5_000,
  refusedLingerMs: 10_000,
  keepaliveTimeoutMs: 60_000,
  nudges: true,
  now: Date.now,
  randomBytes,
};

export function createPbProtocol(settings: Partial<PbSettings> = {}): WorkerProtocol {
  const complete: PbSettings = { ...DEFAULTS, ...settings };
  return { name: "pb", listen: (door, options) => listen(door, options, complete) };
}

export const pbProtocol: WorkerProtocol = createPbProtocol();
