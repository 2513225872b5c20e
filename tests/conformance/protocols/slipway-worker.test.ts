// Guarantee: our own worker keeps the contract of worker protocols over both doors, like a Buildbot worker.
import { describe } from "vitest";
import { msgpackProtocol } from "../../../server/protocols/msgpack";
import { pbProtocol } from "../../../server/protocols/pb";
import { startSlipwayWorker } from "../../support/slipway-worker";
import { protocolConformance } from "./suite";

describe.each([
  { name: "pb", protocol: pbProtocol },
  { name: "msgpack", protocol: msgpackProtocol },
] as const)("$name protocol with our own worker", ({ name: protocolName, protocol }) => {
  protocolConformance(() => ({
    protocol,
    async start(port, name, password) {
      const worker = await startSlipwayWorker({ port, name, password, protocol: protocolName });
      return {
        async die() {
          worker.process.kill("SIGKILL");
          await worker.exited;
        },
        stop: () => worker.stop(),
      };
    },
  }));
});
