/** `msgpack_experimental_v7`, the younger protocol of Python workers (protocol §3). */
import type { WorkerProtocol } from "../contract";
import { STRANGER_LIMITS } from "../strangers";
import { NEWLINE_RE } from "./codec";
import { listen } from "./listener";
import type { MsgpackSettings } from "./settings";

export type { MsgpackSettings } from "./settings";

const DEFAULTS: MsgpackSettings = {
  maxUnsentBytes: 8 * 1024 * 1024,
  maxPendingRequests: 64,
  ...STRANGER_LIMITS,
  silenceMs: 5_000,
  keepaliveTimeoutMs: 60_000,
  nudges: true,
  worker: {
    buffer_size: 65_536,
    // Buildbot's masters say 5 s, which is how old a line of a log then is.
    buffer_timeout: 0.1,
    newline_re: NEWLINE_RE,
    // A Python worker loses characters of lines longer than this (protocol §8.1), so not Buildbot's 4,096.
    max_line_length: 262_144,
  },
  now: Date.now,
};

export function createMsgpackProtocol(settings: Partial<MsgpackSettings> = {}): WorkerProtocol {
  const complete: MsgpackSettings = { ...DEFAULTS, ...settings };
  return { name: "msgpack", listen: (door, options) => listen(door, options, complete) };
}

export const msgpackProtocol: WorkerProtocol = createMsgpackProtocol();
