// Guarantee: what an engine lists as ours is every container of ours, whatever state it is in or name it
// has got; no other one, whatever its labels say; and what carries our name without being ours is told. The
// answer is as long as what is ours, however much of others there is.

import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LatentDriver, Unclear } from "../../../../../server/drivers/contract";
import { labelsOf } from "../../../../../server/drivers/docker/labels";
import { type DockerEngine, startDockerEngine } from "../../../../support/docker-engine";
import { createDockerRig, type DockerRig, SIGNAL } from "../../../../support/docker-rig";
import { startPodmanEngine } from "../../../../support/podman-engine";

const docker = await startDockerEngine();
const podman = await startPodmanEngine();
afterAll(async () => {
  await docker?.stop();
  await podman?.stop();
});

describe.each([
  ["Docker", docker],
  ["Podman", podman],
] as [string, Pick<DockerEngine, "docker" | "host" | "hostfs"> | null][])("%s", (name, engine) => {
  if (engine === null) return test.skip("is not here", () => {});
  const { docker: api, hostfs } = engine;
  let rig: DockerRig;
  beforeEach(() => {
    rig = createDockerRig({ docker_host: engine.host, ...hostfs });
  });
  afterEach(async () => {
    for (const { Id } of await api.listContainers({ all: true })) {
      await api.getContainer(Id).remove({ force: true, v: true });
    }
  });

  async function listed(driver: LatentDriver = rig.open({})) {
    const unclear: Unclear[] = [];
    const owner = { installation: rig.installation };
    const handles = await driver.list(owner, SIGNAL, (found) => void unclear.push(found));
    return { handles, keys: handles.map(({ key }) => key).sort(), unclear };
  }
  const make = (called: string, Labels: Record<string, string>, more: object = {}) =>
    api.createContainer({
      ...{ name: called, Labels, Image: hostfs.image, Cmd: ["/bin/sleep", "1000"] },
      HostConfig: { Binds: hostfs.volumes, NetworkMode: "host" },
      ...more,
    });

  test("labels of others, of nobody, and ours that are broken: none is a machine, the broken ones are told", async () => {
    const { key, tag } = rig.order();
    const own = labelsOf(key, tag);
    const { "slipway.worker": _, ...without } = own;
    await make("nobody", {});
    await make("others", { ...own, "slipway.installation": "0ther" });
    await make("near", { ...own, "slipway.installation": `${tag.installation}0` });
    await make("worker-gone", without);
    await make("no-number", { ...own, "slipway.generation": "one" });
    await make("key-of-a-path", { ...own, "slipway.key": "../etc" });
    const { handles, unclear } = await listed();
    expect(handles).toEqual([]);
    expect(unclear.map(({ name }) => name).sort()).toEqual([
      "key-of-a-path",
      "no-number",
      "worker-gone",
    ]);
  });

  test("a copy of a machine, by hand or by way of an image, is not taken for it, dead or alive", async () => {
    const driver = rig.open({});
    const made = await driver.start(rig.order(), SIGNAL);
    const labels = labelsOf(made.key, made.tag);
    await api.getContainer(made.key).commit({ repo: "for-a-look", tag: "inside" });
    const copied = await make("copied-labels", labels);
    const looked = await make("of-its-image", {}, { Image: "for-a-look:inside" });
    expect((await looked.inspect()).Config.Labels).toMatchObject(labels);
    for (const isAlive of [true, false]) {
      if (!isAlive) await driver.stop(made, "now", SIGNAL);
      const { handles, unclear } = await listed();
      expect(handles.map(({ ref }) => ref)).toEqual(isAlive ? [made.ref] : []);
      expect(unclear.map(({ name }) => name).sort()).toEqual(["copied-labels", "of-its-image"]);
      expect(unclear.every(({ why }) => why.includes(made.key))).toBe(true);
    }
    for (const container of [copied, looked]) await container.remove({ force: true });
    await api.getImage("for-a-look:inside").remove({ force: true });
  });

  test("one that is renamed is the machine still", async () => {
    const driver = rig.open({});
    const made = await driver.start(rig.order(), SIGNAL);
    await api.getContainer(made.key).rename({ name: "mine-now" });
    expect(await listed()).toMatchObject({
      handles: [{ key: made.key, ref: made.ref }],
      unclear: [],
    });
  });

  test("created, paused, restarting and exited ones are listed, and can be stopped", async () => {
    const states = ["created", "paused", "restarting", "exited"];
    const driver = rig.open({});
    for (const [index, state] of states.entries()) {
      const { key, tag } = rig.order(index + 1);
      const ends = state === "restarting" || state === "exited";
      const container = await make(key, labelsOf(key, tag), {
        Cmd: ends ? ["/bin/false"] : ["/bin/sleep", "1000"],
        HostConfig: {
          ...{ Binds: hostfs.volumes, NetworkMode: "host" },
          ...(state === "restarting" ? { RestartPolicy: { Name: "always" } } : {}),
        },
      });
      if (state !== "created") await container.start();
      if (state === "paused") await container.pause();
    }
    const { handles, keys } = await listed(driver);
    expect(keys).toEqual(states.map((_, index) => rig.order(index + 1).key));
    for (const handle of handles) await driver.stop(handle, "now", SIGNAL);
    expect(await listed(driver)).toMatchObject({ keys: [], unclear: [] });
    expect(await api.listContainers({ all: true })).toEqual([]);
  });

  test("hundreds of others do not make the answer longer", { timeout: 120_000 }, async () => {
    const proxy = await countingProxy(engine.host.replace("unix://", ""));
    const owner = { docker_host: proxy.host, ...hostfs };
    const kept = await rig.open({}).start(rig.order(), SIGNAL);
    const driver = rig.open(owner);
    const ask = async () => {
      await driver.list({ installation: rig.installation }, SIGNAL);
      const [bytes, began] = [proxy.bytes(), performance.now()];
      const found = await driver.list({ installation: rig.installation }, SIGNAL);
      expect(found.map(({ key }) => key)).toEqual([kept.key]);
      return { bytes: proxy.bytes() - bytes, ms: Math.round(performance.now() - began) };
    };
    const before = await ask();
    // Podman needs a tenth of a second for each.
    const count = name === "Docker" ? 300 : 60;
    const names = Array.from({ length: count }, (_, n) => `foreign-${n}`);
    for (let at = 0; at < count; at += 20) {
      await Promise.all(names.slice(at, at + 20).map((each) => make(each, { theirs: "yes" })));
    }
    expect(await api.listContainers({ all: true })).toHaveLength(count + 1);
    const after = await ask();
    console.log(JSON.stringify({ others: count, before, after }));
    // Its container is "Up 3 seconds", and then "Up About a minute"; each of the others has hundreds.
    expect(Math.abs(after.bytes - before.bytes)).toBeLessThan(60);
    await proxy.close();
  });
});

/** A door to the engine's socket at which is counted what it answers. */
async function countingProxy(socketPath: string) {
  let bytes = 0;
  const server = createServer((client) => {
    const upstream = connect(socketPath);
    upstream.on("data", (chunk) => {
      bytes += chunk.length;
    });
    upstream.pipe(client);
    client.pipe(upstream);
    for (const socket of [client, upstream]) {
      socket.on("error", () => {});
      socket.on("close", () => {
        client.destroy();
        upstream.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes: () => bytes,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
