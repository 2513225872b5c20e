// Guarantee: a real Python buildbot-worker does everything over either door of ours that it does over
// Buildbot's; the same suite is ours to pass (slipway-worker.test.ts).
import { msgpackProtocol } from "../../../server/protocols/msgpack";
import { pbProtocol } from "../../../server/protocols/pb";
import { hasBuildbotWorker, MSGPACK, startBuildbotWorker } from "../../support/buildbot-worker";
import type { WorkerKind } from "./kind";
import { workerSuite } from "./suite";

const start =
  (speaking: readonly string[]): WorkerKind["start"] =>
  ({ args = [], ...options }) =>
    startBuildbotWorker({ host: "127.0.0.1", ...options, args: [...speaking, ...args] });

const OLD = {
  numcpus: "3.7 takes the option and reports what it counted",
  "max-lines": "3.7 does not know max_lines",
} as const;
const PB_ONLY = "3.7 does it over Perspective Broker only";

workerSuite({
  name: "buildbot-worker over PB",
  protocol: pbProtocol,
  isThere: hasBuildbotWorker,
  start: start([]),
  skips: OLD,
});

workerSuite({
  name: "buildbot-worker over msgpack",
  protocol: msgpackProtocol,
  isThere: hasBuildbotWorker,
  start: start([MSGPACK]),
  skips: { ...OLD, drain: PB_ONLY, "drain-alone": PB_ONLY },
});
