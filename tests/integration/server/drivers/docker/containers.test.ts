// Guarantee: a machine at a Docker engine is one container, made once however it is ordered; when it
// cannot be, or dies, the words say why and hold no password; and nothing of it stays behind.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { labelsOf } from "../../../../../server/drivers/docker/labels";
import { startDockerEngine } from "../../../../support/docker-engine";
import { createDockerRig, type DockerRig, PASSWORD, SIGNAL } from "../../../../support/docker-rig";

const engine = await startDockerEngine();

describe.skipIf(engine === null)("containers", () => {
  if (engine === null) return;
  const { docker, hostfs } = engine;
  let rig: DockerRig;
  beforeEach(() => {
    rig = createDockerRig({ docker_host: engine.host, ...hostfs });
  });
  afterEach(async () => {
    for (const name of await engine.containers()) {
      await docker.getContainer(name).remove({ force: true, v: true });
    }
  });
  afterAll(() => engine.stop());

  const sh = (script: string) => ["/bin/sh", "-c", script];
  const refusal = (options: object, order = rig.order()) =>
    rig
      .open(options)
      .start(order, SIGNAL)
      .then(
        () => Promise.reject(new Error("it was made")),
        (error: unknown) => error as { code: string; message: string },
      );

  test("an image that is not there can never be had, and may be pulled when that is allowed", async () => {
    expect(await refusal({ image: "nowhere/nothing:1" })).toMatchObject({
      code: "bad-configuration",
      message: expect.stringContaining("nowhere/nothing:1 not found on docker host"),
    });
    // A registry that cannot be reached may be there in a minute.
    expect(await refusal({ image: "registry.invalid/some/image:1", autopull: true })).toMatchObject(
      {
        code: "provider-down",
        message: expect.stringMatching(/could not be pulled: .*registry\.invalid.*registry\./s),
      },
    );
    // alwaysPull counts only with autopull.
    await rig.open({ alwaysPull: true }).start(rig.order(), SIGNAL);
    const unpulled = { image: "registry.invalid/x", alwaysPull: true };
    expect(await refusal(unpulled, rig.order(2))).toMatchObject({
      code: "bad-configuration",
    });
    expect(await engine.containers()).toEqual([rig.order().key]);
  });

  test("a name without a tag takes any tag", async () => {
    await docker.getImage("hostfs").tag({ repo: "only-tagged", tag: "7" });
    const driver = rig.open({ image: "only-tagged" });
    const made = await driver.start(rig.order(), SIGNAL);
    await rig.until(driver, made, "running");
    expect(rig.notes).toContain("image only-tagged has no tag latest: only-tagged:7 is taken");
    await docker.getImage("only-tagged:7").remove();
  });

  test("one that dies at once says its status and its last words, without the password", async () => {
    const driver = rig.open({ command: sh("env; echo cannot start >&2; exit 3") });
    const made = await driver.start(rig.order(), SIGNAL);
    const { why } = await rig.until(driver, made, "broken");
    expect(why).toContain("status 3");
    expect(why).toContain("cannot start");
    expect(why).toContain("WORKERPASS=<hidden>");
    expect(why).not.toContain(PASSWORD);
    await driver.stop(made, "now", SIGNAL);
    expect(await rig.until(driver, made, "gone")).toBeTruthy();
  });

  test("a command that is not in the image can never be run, and leaves nothing", async () => {
    const command = "/bin/no-such-program --really";
    const driver = rig.open({ command });
    const { why } = await rig.until(driver, await driver.start(rig.order(2), SIGNAL), "broken");
    expect(why).toMatch(/127.*not in the image.*no-such-program/s);
    await driver.stop({ ...rig.order(2), ref: null, madeAt: null }, "now", SIGNAL);
    // Without an init the engine itself notices.
    const refused = await refusal({ command, hostconfig: { init: false } });
    expect(refused.code).toBe("bad-configuration");
    expect(refused.message).toContain("/bin/no-such-program");
    expect(refused.message).not.toContain(PASSWORD);
    expect(await engine.containers()).toEqual([]);
  });

  test("one whose memory was not enough says so", async () => {
    const driver = rig.open({
      command: sh("sleep 0.2; exec tail /dev/zero"),
      hostconfig: { mem_limit: "32m", memswap_limit: "32m", network_mode: "none" },
    });
    const made = await driver.start(rig.order(), SIGNAL);
    const { why } = await rig.until(driver, made, "broken");
    expect(why).toMatch(/memory was not enough.*mem_limit/);
  });

  test("what the worker needs stands in its environment, for the protocol that is spoken", async () => {
    const driver = rig.open({
      command: sh("env; exit 0"),
      hostname: "build-7",
      masterFQDN: "[::1]:77",
    });
    const order = rig.order();
    await driver.start(
      { ...order, agent: { ...order.agent, host: "::1", port: 77, protocol: "msgpack" } },
      SIGNAL,
    );
    const facts = await docker.getContainer(order.key).inspect();
    expect(facts.Config.Hostname).toBe("build-7");
    expect(facts.HostConfig.Init).toBe(true);
    expect(facts.Config.Env).toEqual(
      expect.arrayContaining([
        ...["BUILDMASTER=::1", "BUILDMASTER_PORT=77", "WORKERNAME=w1", `WORKERPASS=${PASSWORD}`],
        "BUILDMASTER_PROTOCOL=msgpack_experimental_v7",
      ]),
    );
  });

  test("a leftover of the same name is replaced, and one that was made and not started is started", async () => {
    const order = rig.order();
    const create = (Labels: Record<string, string>) =>
      docker.createContainer({
        ...{ name: order.key, Image: "hostfs", Labels },
        HostConfig: { Binds: hostfs.volumes, NetworkMode: "host" },
      });
    const foreign = await create({ somebody: "else" });
    const driver = rig.open({});
    const made = await driver.start(order, SIGNAL);
    expect(made.ref).not.toEqual({ id: foreign.id });
    expect(await engine.containers()).toEqual([order.key]);
    // Of another generation: the same.
    const next = { ...order, tag: { ...order.tag, generation: 2 } };
    expect((await driver.start(next, SIGNAL)).ref).not.toEqual(made.ref);
    await driver.stop(made, "now", SIGNAL);
    const ours = await create(labelsOf(order.key, order.tag));
    expect((await driver.start(order, SIGNAL)).ref).toEqual({ id: ours.id });
    await rig.until(driver, made, "running");
    // Ended meanwhile, it is not brought back to life.
    await docker.getContainer(ours.id).kill();
    await rig.until(driver, { ...made, ref: { id: ours.id } }, "broken");
    await driver.start(order, SIGNAL);
    expect((await docker.getContainer(ours.id).inspect()).State.Running).toBe(false);
  });

  test("ordered many times at once it is one container", async () => {
    const drivers = Array.from({ length: 6 }, () => rig.open({}));
    const made = await Promise.all(drivers.map((each) => each.start(rig.order(), SIGNAL)));
    expect(new Set(made.map(({ ref }) => JSON.stringify(ref))).size).toBe(1);
    expect(await engine.containers()).toEqual([rig.order().key]);
  });

  test("one that somebody has renamed is found by its id and by its labels, and taken away", async () => {
    const driver = rig.open({});
    const made = await driver.start(rig.order(), SIGNAL);
    await docker.getContainer(made.key).rename({ name: "mine-now" });
    expect((await driver.inspect(made, SIGNAL)).state).toBe("running");
    const [listed] = await driver.list({ installation: rig.installation }, SIGNAL);
    expect(listed).toMatchObject({ key: made.key, tag: made.tag, ref: made.ref });
    await driver.stop({ ...made, ref: listed?.ref ?? null }, "now", SIGNAL);
    expect(await engine.containers()).toEqual([]);
  });

  test("an image that says it is ours, or that a container is, has nobody's container taken away", async () => {
    const driver = rig.open({ command: sh("sleep 600") });
    const { tag } = rig.order();
    // Somebody's own, that the labels of an image name.
    const theirs = { Image: hostfs.image, Cmd: sh("sleep 600"), name: "their-database" };
    const HostConfig = { Binds: hostfs.volumes };
    const database = await docker.createContainer({ ...theirs, HostConfig });
    await database.start();
    const labels = Object.entries(labelsOf("their-database", tag)).map(
      ([name, value]) => `${name}=${value}`,
    );
    const changes = labels.map((label) => `LABEL ${label}`).join("\n");
    await database.commit({ repo: "pulled-from-somewhere", changes });
    const listed = await driver.list({ installation: tag.installation }, SIGNAL);
    expect(listed.map((handle) => handle.key)).not.toContain("their-database");
    await driver.stop({ key: "their-database", tag, ref: null, madeAt: null }, "now", SIGNAL);
    expect((await database.inspect()).State.Running).toBe(true);
    // One that was made of it has its labels; what it is called by them is not taken away with it.
    const liar = await docker.createContainer({
      ...theirs,
      Image: "pulled-from-somewhere",
      name: "liar",
      HostConfig,
    });
    const found = await driver.list({ installation: tag.installation }, SIGNAL);
    for (const handle of found) await driver.stop(handle, "now", SIGNAL);
    expect((await database.inspect()).State.Running).toBe(true);
    await liar.remove({ force: true }).catch(() => {});
    await docker.getImage("pulled-from-somewhere").remove({ force: true });
  });

  test("only volumes outlive a container, each as its modes say", async () => {
    const folder = mkdtempSync(join(tmpdir(), "slipway-volume-"));
    const volumes = (mode: string) => [...hostfs.volumes, `${folder}:/kept${mode}`];
    const script = "echo one >> /kept/file; echo one >> /worker/file; sleep 1000";
    const first = rig.open({ volumes: volumes(":rw,z"), command: sh(script) });
    const made = await first.start(rig.order(), SIGNAL);
    const kept = () => {
      try {
        return readFileSync(join(folder, "file"), "utf8");
      } catch {
        return "";
      }
    };
    while (kept() !== "one\n") await sleep(20);
    await first.stop(made, "now", SIGNAL);
    const look = "cat /kept/file; ls /worker; echo two >> /kept/file; exit 5";
    const second = rig.open({ volumes: volumes(":ro"), command: sh(look) });
    const { why } = await rig.until(second, await second.start(rig.order(1, 2), SIGNAL), "broken");
    expect(why).toMatch(/^one$/m);
    expect(why).toContain("Read-only file system");
    expect(why).not.toMatch(/^file$/m);
    expect(kept()).toBe("one\n");
    rmSync(folder, { recursive: true });
  });

  test("a graceful stop lets it end by itself, and volumes without a name go with it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "slipway-volume-"));
    const script =
      "trap 'echo ended > /kept/word; exit 0' TERM; touch /kept/up; while :; do sleep 0.05; done";
    const options = { volumes: [...hostfs.volumes, `${folder}:/kept`], command: sh(script) };
    const driver = rig.open({ ...options, hostconfig: { ...hostfs.hostconfig, init: false } });
    const made = await driver.start(rig.order(), SIGNAL);
    const has = (name: string) => {
      try {
        return readFileSync(join(folder, name), "utf8") !== null;
      } catch {
        return false;
      }
    };
    while (!has("up")) await sleep(20);
    await driver.stop(made, "graceful", SIGNAL);
    expect(has("word")).toBe(true);
    rmSync(folder, { recursive: true });
    const spare = rig.open({ image: null, dockerfile: "FROM tiny\nVOLUME /data\n", volumes: [] });
    const other = await spare.start(rig.order(2), SIGNAL);
    expect((await docker.listVolumes()).Volumes).toHaveLength(1);
    await spare.stop(other, "now", SIGNAL);
    expect((await docker.listVolumes()).Volumes ?? []).toEqual([]);
  });

  test("what is printed at the start is noted, line by line, until it is stopped", async () => {
    const script =
      "echo first; printf 'half'; sleep 0.3; echo ' a line'; echo $WORKERPASS >&2; sleep 1000";
    const driver = rig.open({ followStartupLogs: true, command: sh(script) });
    const made = await driver.start(rig.order(), SIGNAL);
    while (rig.notes.length < 3) await sleep(10);
    // The two streams of a container keep no order between them.
    expect([...rig.notes].sort()).toEqual(["<hidden>", "first", "half a line"]);
    await driver.stop(made, "now", SIGNAL);
    // Without the option nothing is.
    const silent = rig.open({ command: sh("echo heard; sleep 1000") });
    await silent.start(rig.order(2), SIGNAL);
    await silent.inspect({ key: rig.order(2).key, tag: made.tag, ref: null, madeAt: null }, SIGNAL);
    expect(rig.notes).not.toContain("heard");
  });

  test("one that ends by itself is said to, once and at once; one that is stopped is not", async () => {
    const said: string[] = [];
    const open = (name: string, script: string) =>
      rig.open({ command: sh(script) }, () => said.push(name));
    const made = await open("crashes", "exit 3").start(rig.order(1), SIGNAL);
    while (said.length === 0) await sleep(5);
    expect(await rig.open({}).inspect(made, SIGNAL)).toMatchObject({ state: "broken" });
    // Known from when it was looked at.
    const stays = open("stays", "sleep 1000");
    const other = await stays.start(rig.order(2), SIGNAL);
    await open("looked at", "").inspect(other, SIGNAL);
    const stopped = await stays.start(rig.order(3), SIGNAL);
    await stays.stop(stopped, "now", SIGNAL);
    await docker.getContainer(other.key).kill();
    while (said.length < 2) await sleep(5);
    expect(said).toEqual(["crashes", "looked at"]);
    for (const each of [made, other]) await stays.stop(each, "now", SIGNAL);
  });

  test("whoever takes a start over hears its last words too", async () => {
    const script = "echo early; while :; do sleep 0.1; echo tick; done";
    const made = await rig.open({ command: sh(script) }).start(rig.order(), SIGNAL);
    const other = createDockerRig({ docker_host: engine.host, ...hostfs, followStartupLogs: true });
    const driver = other.open({});
    await driver.inspect(made, SIGNAL);
    while (!other.notes.includes("tick")) await sleep(10);
    expect(other.notes).toContain("early");
    await driver.stop(made, "now", SIGNAL);
  });

  test("a test of the settings says what is there before anything is made", async () => {
    const looks = (options: object) =>
      Promise.all(
        (rig.open(options).probes ?? []).map(({ look }) =>
          look(SIGNAL).catch(({ code, message }) => `${code}: ${message}`),
        ),
      );
    expect(await looks({})).toEqual([
      expect.stringMatching(/^Docker \d.* \(API 1\.\d+, linux\/\w+\) answers at unix:/),
      "image hostfs is there",
    ]);
    const missing = { image: "nowhere/nothing:1" };
    expect((await looks(missing))[1]).toMatch(/^bad-configuration: image nowhere.* not found/);
    // A registry that does not answer is known before anything is made.
    const far = { image: "registry.invalid/nothing:1", autopull: true };
    expect((await looks(far))[1]).toMatch(
      /^provider-down: .*cannot be pulled: .*registry\.invalid/,
    );
    expect((await looks({ ...missing, dockerfile: "FROM tiny" }))[1]).toMatch(/is built when/);
    const away = await looks({ docker_host: "unix:///nowhere/docker.sock" });
    expect(away.every((said) => /^provider-down: .*no such socket/.test(said))).toBe(true);
    expect(await engine.containers()).toEqual([]);
  });

  test("of a version of the API that the engine does not have it says which it has", async () => {
    await rig.open({ version: "1.40" }).start(rig.order(), SIGNAL);
    const refused = await refusal({ version: "1.99" }, rig.order(2));
    expect(refused).toMatchObject({ code: "bad-configuration" });
    expect(refused.message).toMatch(/1\.99.*Maximum supported API version is 1\.\d+/);
  });

  test("an engine that is killed and comes back has no machine of ours that nobody knows of", async () => {
    const driver = rig.open({});
    const made = await driver.start(rig.order(), SIGNAL);
    await rig.until(driver, made, "running");
    await engine.kill();
    await expect(driver.inspect(made, SIGNAL)).rejects.toMatchObject({ code: "provider-down" });
    await expect(driver.stop(made, "now", SIGNAL)).rejects.toMatchObject({
      code: "provider-down",
      message: expect.stringContaining(engine.host),
    });
    await engine.startAgain();
    expect((await driver.inspect(made, SIGNAL)).state).toBe("broken");
    expect(await driver.list({ installation: rig.installation }, SIGNAL)).toHaveLength(1);
    await driver.stop(made, "now", SIGNAL);
    expect(await engine.containers()).toEqual([]);
  });
});
