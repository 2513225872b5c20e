// Guarantee: where Podman answers otherwise than the engine that it imitates, what a driver makes of it
// is the same: one container, an image as it is written, nothing left, and words that help.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { hasDockerRegistry, startDockerRegistry } from "../../../../support/docker-registry";
import { createDockerRig, type DockerRig, PASSWORD, SIGNAL } from "../../../../support/docker-rig";
import { startPodmanEngine } from "../../../../support/podman-engine";

const USER = { username: "puller", password: "pull it, podman" };
const registry = hasDockerRegistry() ? await startDockerRegistry({ user: USER }) : null;
const engine = await startPodmanEngine(registry?.name);

describe.skipIf(engine === null)("Podman", () => {
  if (engine === null) return;
  const { docker, hostfs } = engine;
  let rig: DockerRig;
  beforeEach(() => {
    rig = createDockerRig({ docker_host: engine.host, hostconfig: hostfs.hostconfig });
  });
  afterAll(async () => {
    await engine.stop();
    await registry?.stop();
  });

  const sh = (script: string) => ["/bin/sh", "-c", script];
  const refusal = (options: object) =>
    rig
      .open(options)
      .start(rig.order(), SIGNAL)
      .then(
        () => Promise.reject(new Error("it was made")),
        (error: unknown) => error,
      );
  const tags = async () =>
    (await docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []).sort();

  test("a pull that fails, a command that is none, a Dockerfile that does not build", async () => {
    const far = { image: "registry.invalid/x:1", autopull: true };
    expect(await refusal(far)).toMatchObject({
      code: "provider-down",
      message: expect.stringMatching(/could not be pulled: .*registry\.invalid/s),
    });
    const command = "/bin/no-such-program";
    const direct = { ...hostfs, command, hostconfig: { init: false, ...hostfs.hostconfig } };
    expect(await refusal(direct)).toMatchObject({
      code: "bad-configuration",
      message: expect.stringContaining(command),
    });
    for (const dockerfile of ["FRUM tiny\n", "FROM tiny\nRUN exit 7\n"]) {
      expect(await refusal({ dockerfile })).toMatchObject({
        code: "bad-configuration",
        message: expect.stringContaining("could not be built"),
      });
    }
    expect(await engine.containers()).toEqual([]);
  });

  test.skipIf(registry === null)("an image of a registry is pulled with credentials", async () => {
    if (registry === null) return;
    const image = await registry.push(docker, "tiny", "team/tiny:1");
    const options = { image, autopull: true };
    const looked = rig
      .open({ ...options, registry_auth: USER })
      .probes?.at(-1)
      ?.look(SIGNAL);
    // It does not ask registries for others.
    expect(await looked).toBe(`image ${image} is not there: it is pulled when it is needed`);
    const wrong = { ...options, registry_auth: { ...USER, password: "wr0ng-guess" } };
    for (const refused of [await refusal(options), await refusal(wrong)]) {
      expect(refused).toMatchObject({
        code: "bad-configuration",
        message: expect.stringMatching(/could not be pulled: .*registry_auth/s),
      });
      expect(String(refused)).not.toContain("wr0ng-guess");
    }
    const driver = rig.open({ ...options, registry_auth: USER });
    const made = await driver.start(rig.order(), SIGNAL);
    await rig.until(driver, made, "running");
    expect(rig.notes).toContain(`image ${image} is pulled`);
    expect(rig.notes.length).toBeGreaterThan(1);
    await driver.stop(made, "now", SIGNAL);
    await docker.getImage(image).remove({ force: true });
  });

  test("a dockerfile with arguments and a target, of the machine's own, goes with it", async () => {
    const before = await tags();
    const driver = rig.open({
      dockerfile:
        'FROM tiny AS one\nARG WORD=none\nRUN echo "word $WORD" > /said\nCMD ["sh","-c","cat /said; exit 1"]\nFROM one\nRUN exit 3\n',
      buildargs: { WORD: "of honour" },
      target: "one",
    });
    const made = await driver.start(rig.order(), SIGNAL);
    expect((await rig.until(driver, made, "broken")).why).toContain("word of honour");
    await driver.stop(made, "now", SIGNAL);
    expect(await tags()).toEqual(before);
    expect(await driver.list({ installation: rig.installation }, SIGNAL)).toEqual([]);
  });

  test("one that ends by itself is said to, once and at once; one that is stopped is not", async () => {
    const said: string[] = [];
    const open = (name: string, script: string) =>
      rig.open({ ...hostfs, command: sh(script) }, () => said.push(name));
    const made = await open("crashes", "exit 3").start(rig.order(1), SIGNAL);
    while (said.length === 0) await sleep(5);
    expect(await rig.open(hostfs).inspect(made, SIGNAL)).toMatchObject({ state: "broken" });
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

  test("ordered many times at once it is one, and its last words hold no password", async () => {
    const options = { ...hostfs, command: sh("sleep 0.3; env; exit 3"), followStartupLogs: true };
    const drivers = Array.from({ length: 4 }, () => rig.open(options));
    const made = await Promise.all(drivers.map((each) => each.start(rig.order(), SIGNAL)));
    expect(new Set(made.map(({ ref }) => JSON.stringify(ref))).size).toBe(1);
    const driver = rig.open(options);
    const { why } = await rig.until(driver, made[0] as (typeof made)[0], "broken");
    expect(why).toContain("status 3");
    expect(why).toContain("WORKERPASS=<hidden>");
    while (!rig.notes.includes("WORKERPASS=<hidden>")) await sleep(10);
    expect(why + rig.notes.join()).not.toContain(PASSWORD);
    await driver.stop(made[0] as (typeof made)[0], "graceful", SIGNAL);
    expect(await engine.containers()).toEqual([]);
  });
});
