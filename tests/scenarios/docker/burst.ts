/** Many builds at once, whatever is killed in the middle of them. */
import { setTimeout } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { hasBuildbotWorker } from "../../support/buildbot-worker";
import { builder, type DockerWorld, docker, SUCCESS } from "./world";

export function burstOfBuilds(world: DockerWorld): void {
  const { engine, apply, force, of: buildsOf, ended, log, allGone } = world;
  const { docker: api } = engine;

  describe("a burst", () => {
    const NAMES = ["one", "two", "three"] as const;
    const EACH = 6;
    const COMMAND = "echo begun; sleep 0.5; echo ended";
    const python = () => (hasBuildbotWorker() ? world.workers.buildbot : world.workers.slipway);

    async function onWorkers(): Promise<void> {
      const kinds = [world.workers.slipway, world.workers.slipway, python()];
      const latent = [...kinds, ...kinds].map((kind, index) => docker(`w${index}`, kind));
      const names = latent.map(({ name }) => name);
      await apply(
        latent,
        NAMES.map((name) => builder(name, names, COMMAND)),
      );
    }

    async function onPools(): Promise<void> {
      const pool = (name: string, options: object, more: object) => {
        const { password: _, ...worker } = options as { password: unknown };
        return { name, worker: { type: "DockerLatentWorker", ...worker }, ...more };
      };
      await world.slipway.apply({
        workers: [],
        pools: [
          pool("linux", world.workers.slipway, { maxWorkers: 4, labels: ["linux", "ours"] }),
          pool("python", python(), { maxWorkers: 2, labels: ["linux"] }),
        ],
        projects: {
          p: {
            builders: NAMES.map((name, index) => ({
              ...builder(name, [], COMMAND),
              ...(index === 0 ? { labels: ["linux"] } : { pools: ["linux", "python"] }),
            })),
          },
        },
      });
    }

    const burst = () =>
      Promise.all(Array.from({ length: EACH }, () => NAMES.map((name) => force(name))).flat());

    /** Each request is green in the end, whatever it took, and each green build said all of it. */
    async function expectGreen(requests: readonly number[]): Promise<number> {
      let builds = 0;
      for (const request of requests) {
        const last = await ended(request);
        expect({ request, results: last.results }).toEqual({ request, results: SUCCESS });
        expect(await log(last)).toContain("obegun\noended\n");
        builds += (await buildsOf(request)).length;
      }
      await allGone();
      expect((await api.listVolumes()).Volumes ?? []).toEqual([]);
      return builds;
    }

    test.each([
      ["several workers", onWorkers],
      ["pools", onPools],
    ])("on %s at once: all green, none left", async (_on, configure) => {
      await configure();
      const requests = await burst();
      expect(await expectGreen(requests)).toBe(requests.length);
    });

    test("in the middle everything of ours is killed, and the engine: all green, none left", async () => {
      await onPools();
      const requests = await burst();
      while ((await engine.containers()).length < 4) await setTimeout(20);
      await ended(requests[0] as number);
      for (const name of Object.keys(world.slipway.pids()))
        world.slipway.kill(name as "supervisor");
      await engine.kill();
      await world.slipway.exited();
      await engine.startAgain();
      await world.slipway.startAgain();
      const builds = await expectGreen(requests);
      expect(builds).toBeGreaterThan(requests.length);
    });

    test("in the middle what has the connections and what makes the machines are killed: all green, none left", async () => {
      await onWorkers();
      const requests = await burst();
      while ((await engine.containers()).length < 4) await setTimeout(20);
      for (const name of ["socket", "jobs"] as const) world.slipway.kill(name);
      await expectGreen(requests);
    });

    test("in the middle the engine is killed and comes back: all green, none left", async () => {
      await onWorkers();
      const requests = await burst();
      while ((await engine.containers()).length < 4) await setTimeout(20);
      await engine.kill();
      await setTimeout(1_000);
      await engine.startAgain();
      await expectGreen(requests);
    });
  });
}
