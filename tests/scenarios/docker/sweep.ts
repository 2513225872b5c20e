/** What the sweep does at an engine of containers that no row knows, and of rows without a container. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { labelsOf } from "../../../server/drivers/docker/labels";
import type { DockerEngine } from "../../support/docker-engine";
import { builder, type DockerWorld, docker, SUCCESS } from "./world";

type AnyEngine = Pick<DockerEngine, "docker" | "host" | "hostfs" | "containers">;

export function sweepOfEngines(world: DockerWorld, podman: AnyEngine | null): void {
  const { engine, apply, force, ended, allGone } = world;
  const { docker: api } = engine;

  /** On a machine of this installation that no row knows. */
  const lostTag = () => ({
    ...{ installation: world.operator.tag, organization: 1 },
    ...{ worker: 4_711, generation: 1 },
  });
  const engines: [string, AnyEngine | null][] = [
    ["Docker", engine],
    ["Podman", podman],
  ];
  describe.each(engines)("the sweep, on %s", (name, there) => {
    if (there === null) return test.skip("is not here", () => {});
    const { docker: provider, host, hostfs } = there;
    const sweep = () => world.operator.sweep(host);
    const run = async (called: string, Labels: Record<string, string>) => {
      const container = await provider.createContainer({
        ...{ name: called, Labels, Image: hostfs.image, Cmd: ["/bin/sleep", "1000"] },
        HostConfig: { Binds: hostfs.volumes, NetworkMode: "host" },
      });
      await container.start();
      return container;
    };

    test("one that nobody knows goes at the second sighting, and is told; those of others, of nobody and copies stay", async () => {
      await apply([docker(`on-${name}`, { ...world.workers.slipway, docker_host: host })], []);
      expect(await sweep()).toMatchObject({ seen: 0, error: null, details: [] });
      const labels = labelsOf("bb-lost-1", lostTag());
      const others = [
        await run("of-another", { ...labels, "slipway.installation": "0ther" }),
        await run("of-nobody", {}),
        await run("a-copy", labels),
      ];
      const names = ["a-copy", "of-another", "of-nobody"];
      await run("bb-lost-1", labels);
      const lost = { key: "bb-lost-1", kind: "orphan", why: "nobody here knows it" };
      const copy = { key: "a-copy", kind: "unclear", action: "left-alone" };
      expect(await sweep()).toMatchObject({
        ...{ seen: 1, known: 0, orphans: 1, stopped: 0, account: expect.stringContaining(host) },
        details: [{ ...lost, times: 1, action: "sighted" }, copy],
      });
      expect((await there.containers()).sort()).toEqual([...names, "bb-lost-1"].sort());
      expect(await sweep()).toMatchObject({
        ...{ seen: 1, orphans: 1, stopped: 1 },
        details: [{ ...lost, times: 2, action: "stopped", error: null }, copy],
      });
      expect((await there.containers()).sort()).toEqual(names);
      expect(await sweep()).toMatchObject({ seen: 0, orphans: 0, details: [copy] });
      for (const other of others) {
        expect((await other.inspect()).State.Running).toBe(true);
        await other.remove({ force: true });
      }
    });
  });

  test.skipIf(!mayMakeFast())(
    "one that the engine cannot take away is told in its words, as often as it is tried, and goes when it can",
    async ({ skip }) => {
      await apply([docker("w", world.workers.slipway)], []);
      const sweep = () => world.operator.sweep(engine.host);
      await sweep();
      const Labels = labelsOf("bb-stuck-1", lostTag());
      const stuck = await api.createContainer({
        ...{ name: "bb-stuck-1", Image: engine.hostfs.image, Labels },
      });
      const { Data } = (await stuck.inspect()).GraphDriver;
      const { UpperDir } = (Data ?? {}) as { readonly UpperDir?: string };
      if (UpperDir === undefined) return skip("its files are laid out in another way");
      const file = join(UpperDir, "fast");
      writeFileSync(file, "");
      makeFast(file, "+i");
      const words = /bb-stuck-1 could not be stopped: .*operation not permitted/;
      const told = {
        key: "bb-stuck-1",
        action: "not-stopped",
        error: expect.stringMatching(words),
      };
      try {
        expect(await sweep()).toMatchObject({ orphans: 1, details: [{ action: "sighted" }] });
        expect(await sweep()).toMatchObject({ stopped: 0, details: [{ ...told, times: 2 }] });
        expect(await sweep()).toMatchObject({ stopped: 0, details: [{ ...told, times: 3 }] });
        expect((await world.operator.account(engine.host)).sightings).toMatchObject([
          { key: "bb-stuck-1", stopTries: 2, lastError: expect.stringMatching(words) },
        ]);
      } finally {
        makeFast(file, "-i");
      }
      expect(await sweep()).toMatchObject({ stopped: 1, details: [{ action: "stopped" }] });
      expect(await engine.containers()).toEqual([]);
    },
  );

  test("an engine that is away is told in its own words, and that is no sighting", async () => {
    await apply([docker("w", world.workers.slipway)], []);
    const Labels = labelsOf("bb-lost-2", lostTag());
    await api.createContainer({ name: "bb-lost-2", Image: engine.hostfs.image, Labels });
    const sweep = () => world.operator.sweep(engine.host);
    expect(await sweep()).toMatchObject({ orphans: 1, stopped: 0 });
    await engine.kill();
    const away = await sweep();
    expect(away).toMatchObject({ orphans: 0, missing: 0, details: [] });
    expect(away.error).toMatch(/^the engine at unix:\S+ does not answer: /);
    await engine.startAgain();
    expect(await sweep()).toMatchObject({ error: null, stopped: 1, details: [{ times: 2 }] });
    expect(await engine.containers()).toEqual([]);
  });

  test("one that somebody removes while its worker is idle is gone, and the next build has another", async () => {
    const kept = { ...world.workers.slipway, build_wait_timeout: 600 };
    await apply([docker("idle", kept)], [builder("b", ["idle"], "true")]);
    expect((await ended(await force("b"))).results).toBe(SUCCESS);
    const [first] = await world.operator.machines();
    expect(first).toMatchObject({ worker: "idle", state: "running", isConnected: true });
    await api.getContainer(first?.key as string).remove({ force: true });
    const told = async () =>
      (await world.operator.machines()).find(
        ({ id, state }) => id === first?.id && state === "gone",
      );
    while (!(await told())) await setTimeout(50);
    expect(await told()).toMatchObject({
      endReason: expect.stringMatching(
        /^its machine is gone: (there is no such container|the container is being removed)$/,
      ),
      isFailed: false,
    });
    expect((await ended(await force("b"))).results).toBe(SUCCESS);
    const [second] = await world.operator.machines();
    expect(second).toMatchObject({ worker: "idle", state: "running" });
    expect(second?.id).not.toBe(first?.id);
    await apply([], []);
    await allGone();
  });
}

/** Not even root removes such a file. */
const makeFast = (file: string, how: "+i" | "-i") =>
  execFileSync("chattr", [how, file], { stdio: "ignore" });

/** Not every file system knows that, nor may every root do it. */
function mayMakeFast(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "slipway-fast-"));
  const file = join(folder, "file");
  try {
    writeFileSync(file, "");
    makeFast(file, "+i");
    makeFast(file, "-i");
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
