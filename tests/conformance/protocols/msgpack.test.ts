// Guarantee: msgpack over WebSocket with a real Python worker keeps the contract of worker protocols.
import { describe } from "vitest";
import { msgpackProtocol } from "../../../server/protocols/msgpack";
import { hasBuildbotWorker, MSGPACK, startBuildbotWorker } from "../../support/buildbot-worker";
import { protocolConformance } from "./suite";

describe.skipIf(!hasBuildbotWorker())("msgpack protocol with the Python worker", () => {
  protocolConformance(() => ({
    protocol: msgpackProtocol,
    async start(port, name, password) {
      const worker = await startBuildbotWorker({
        ...{ host: "127.0.0.1", port, name, password },
        args: [MSGPACK],
      });
      return { die: () => worker.kill(), stop: () => worker.stop() };
    },
  }));
});
