// Guarantee: Perspective Broker with a real Python worker keeps the contract of worker protocols.
import { describe } from "vitest";
import { pbProtocol } from "../../../server/protocols/pb";
import { hasBuildbotWorker, startBuildbotWorker } from "../../support/buildbot-worker";
import { protocolConformance } from "./suite";

describe.skipIf(!hasBuildbotWorker())("pb protocol with the Python worker", () => {
  protocolConformance(() => ({
    protocol: pbProtocol,
    async start(port, name, password) {
      const worker = await startBuildbotWorker({ host: "127.0.0.1", port, name, password });
      return { die: () => worker.kill(), stop: () => worker.stop() };
    },
  }));
});
