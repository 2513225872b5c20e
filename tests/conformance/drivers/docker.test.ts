// Guarantee: the Docker driver keeps the contract of latent drivers on a real engine, and on Podman's
// imitation of one.
import { afterAll, describe, expect } from "vitest";
import { UNHEARD } from "../../../server/drivers/contract";
import { dockerDriver } from "../../../server/drivers/docker";
import { dockerConfigSchema } from "../../../server/drivers/docker/schema";
import { startDockerEngine } from "../../support/docker-engine";
import { startPodmanEngine } from "../../support/podman-engine";
import { driverConformance } from "./suite";

describe.each([
  ["docker", await startDockerEngine()],
  ["podman", await startPodmanEngine()],
] as const)("docker driver on %s", (_name, engine) => {
  describe.skipIf(engine === null)("its machines", () => {
    if (engine === null) return;
    afterAll(() => engine.stop());

    driverConformance(() => {
      const open = (options: object) =>
        dockerDriver({ isHosted: false, contexts: null }).open(
          dockerConfigSchema.parse({ docker_host: engine.host, ...engine.hostfs, ...options }),
          UNHEARD,
        );
      return {
        driver: open({}),
        reopened: () => open({}),
        hopeless: open({ image: "nowhere.invalid/nothing:1" }),
        count: async () => (await engine.containers()).length,
        kill: ({ key }) => engine.docker.getContainer(key).kill(),
        async close() {
          expect(await engine.containers()).toEqual([]);
        },
      };
    });
  });
});
