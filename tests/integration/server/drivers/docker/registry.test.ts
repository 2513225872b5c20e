// Guarantee: an image that is not there is pulled from a real registry as the options say, with their
// credentials, which nobody reads and no other registry gets; one that is slow, dies or refuses is told
// in its words, and leaves nothing behind.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { DriverError } from "../../../../../server/drivers/contract";
import { certificateFor } from "../../../../support/certificate";
import { startDockerEngine } from "../../../../support/docker-engine";
import {
  type DockerRegistry,
  hasDockerRegistry,
  startDockerRegistry,
} from "../../../../support/docker-registry";
import { createDockerRig, type DockerRig, SIGNAL } from "../../../../support/docker-rig";

/** What it makes of them in base64 has the letters that must not stand in a header as they are. */
const USER = { username: "puller", password: "kühl~?>?~ÿþ secret" };
const canBe = hasDockerRegistry();
// Two tries at a layer: the second comes after five seconds.
const engine = canBe ? await startDockerEngine({ args: ["--max-download-attempts=2"] }) : null;

describe.skipIf(engine === null)("images of a registry", () => {
  if (engine === null) return;
  const { docker } = engine;
  let images: DockerRegistry;
  let rig: DockerRig;
  let auth: object;
  const base = { docker_host: engine.host, hostconfig: { network_mode: "host" }, autopull: true };

  beforeAll(async () => {
    images = await startDockerRegistry({ user: USER });
    auth = { ...USER, serveraddress: images.name };
  });
  beforeEach(() => {
    rig = createDockerRig(base);
  });
  afterEach(async () => {
    images.gate.flow();
    for (const name of await engine.containers()) {
      await docker.getContainer(name).remove({ force: true, v: true });
    }
    for (const tag of await tags()) {
      if (tag.startsWith(images.name)) await docker.getImage(tag).remove({ force: true });
    }
    expect(rig.notes.join("\n")).not.toContain(USER.password);
  });
  afterAll(async () => {
    await images?.stop();
    await engine.stop();
  });

  const tags = async () =>
    (await docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []).sort();
  const held = (as: string) => images.push(docker, "tiny", as);
  /** An image that says this word and ends, not pushed yet. */
  async function saying(word: string, more = ""): Promise<string> {
    const name = `saying-${word}:1`;
    const dockerfile = `FROM tiny\n${more}CMD ["sh","-c","echo ${word}; exit 1"]\n`;
    const driver = rig.open({ image: name, dockerfile });
    const order = rig.order(99);
    await driver.stop(await driver.start(order, SIGNAL), "now", SIGNAL);
    return name;
  }
  let worker = 0;
  const said = async (options: object) => {
    worker += 1;
    const driver = rig.open(options);
    const made = await driver.start(rig.order(worker), SIGNAL);
    const { why } = await rig.until(driver, made, "broken");
    await driver.stop(made, "now", SIGNAL);
    return why;
  };
  const refusal = (options: object, signal = SIGNAL) =>
    rig
      .open(options)
      .start(rig.order(), signal)
      .then(
        () => Promise.reject(new Error("it was made")),
        (error: unknown) => error as { code: string; message: string },
      );

  test("one that is absent is pulled, line by line, and one that is there is not", async () => {
    const image = await images.push(docker, await saying("there", BIG), "team/there:1");
    await forget("there");
    rig.notes.length = 0;
    const driver = rig.open({ image, registry_auth: auth });
    const made = await driver.start(rig.order(), SIGNAL);
    await rig.until(driver, made, "broken");
    expect(rig.notes).toEqual(
      expect.arrayContaining([
        `image ${image} is pulled`,
        "1: Pulling from team/there",
        expect.stringMatching(/^[0-9a-f]{12}: Pull complete$/),
        expect.stringMatching(/^Digest: sha256:[0-9a-f]{64}$/),
        `Status: Downloaded newer image for ${image}`,
      ]),
    );
    rig.notes.length = 0;
    await driver.start(rig.order(2), SIGNAL);
    expect(rig.notes).toEqual([]);
    // The engine keeps no credentials of ours.
    await driver.stop(made, "now", SIGNAL);
    await driver.stop({ ...made, ...rig.order(2), ref: null }, "now", SIGNAL);
    await docker.getImage(image).remove({ force: true });
    expect(await refusal({ image })).toMatchObject({ code: "bad-configuration" });
  });

  test("of a name without a tag it is latest, of several tags none besides; a digest is taken as it is", async () => {
    await held("team/many:7");
    const latest = await held("team/many:latest");
    const image = latest.replace(/:latest$/, "");
    const driver = rig.open({ image, registry_auth: auth });
    await driver.stop(await driver.start(rig.order(), SIGNAL), "now", SIGNAL);
    expect((await tags()).filter((tag) => tag.startsWith(image))).toEqual([latest]);
    const [digest = ""] = (await docker.getImage(latest).inspect()).RepoDigests;
    await docker.getImage(latest).remove({ force: true });
    const pinned = rig.open({ image: digest, registry_auth: auth });
    await rig.until(pinned, await pinned.start(rig.order(), SIGNAL), "running");
    expect(digest).toContain("@sha256:");
  });

  test("wrong credentials, none, and an image that it has not: in its words, for good", async () => {
    const image = await held("team/closed:1");
    const wrong = await refusal({ image, registry_auth: { ...auth, password: "wr0ng-guess" } });
    expect(wrong.code).toBe("bad-configuration");
    expect(wrong.message).toMatch(/closed:1 could not be pulled: .*unauthorized.*registry_auth/s);
    expect(wrong.message).not.toContain("wr0ng-guess");
    const none = await refusal({ image });
    expect(none).toMatchObject({ code: "bad-configuration" });
    expect(none.message).toMatch(/no basic auth credentials.*registry_auth/s);
    const missing = image.replace("closed", "missing");
    expect(await refusal({ image: missing, registry_auth: auth })).toMatchObject({
      code: "bad-configuration",
      message: expect.stringMatching(/manifest.*unknown.*name and the tag/s),
    });
    expect(await engine.containers()).toEqual([]);
  });

  test("a test of the settings asks the registry before anything is pulled", async () => {
    const image = await held("team/asked:1");
    const finds = (options: object) =>
      (rig.open({ image, ...options }).probes ?? [])
        .slice(-1)[0]
        ?.look(SIGNAL)
        .catch(({ code, message }) => `${code}: ${message}`);
    const good = { registry_auth: auth };
    expect(await finds(good)).toMatch(/is pulled when it is needed; its registry has it$/);
    const wrong = { registry_auth: { ...auth, password: "wr0ng-guess" } };
    expect(await finds(wrong)).toMatch(
      /^bad-configuration: .*asked:1 cannot be pulled: .*unauthorized.*registry_auth/,
    );
    expect(await finds({})).toMatch(/^bad-configuration: .*no basic auth credentials/);
    const missing = image.replace("asked", "missing");
    expect(await finds({ ...good, image: missing })).toMatch(
      /^bad-configuration: .*cannot be pulled/,
    );
    expect(await tags()).not.toContain(image);
    await docker.getImage("tiny").tag({ repo: image.replace(/:1$/, ""), tag: "1" });
    expect(await finds({})).toBe(`image ${image} is there`);
    expect(await finds({ ...good, alwaysPull: true })).toMatch(/for each container; its registry/);
  });

  test("alwaysPull takes what the registry has now, and only with autopull", async () => {
    const image = await images.push(docker, await saying("old"), "team/moving:1");
    const options = { image, registry_auth: auth };
    expect(await said(options)).toContain("old");
    await docker.getImage(image).tag({ repo: "kept", tag: "old" });
    await images.push(docker, await saying("new"), "team/moving:1");
    await docker.getImage("kept:old").tag({ repo: image.replace(/:1$/, ""), tag: "1" });
    expect(await said(options)).toContain("old");
    expect(await said({ ...options, autopull: false, alwaysPull: true })).toContain("old");
    expect(await said({ ...options, alwaysPull: true })).toContain("new");
    // A registry that is away: what is there might be what was meant to be replaced.
    await images.gate.shut();
    try {
      expect(await refusal({ ...options, alwaysPull: true })).toMatchObject({
        code: "provider-down",
        message: expect.stringMatching(/could not be pulled: .*connection refused.*registry/s),
      });
      expect(await said(options)).toContain("new");
    } finally {
      await images.gate.open();
    }
  });

  test("what a dockerfile begins from is pulled with the credentials too", async () => {
    const from = await images.push(docker, await saying("base"), "team/base:1");
    const dockerfile = `FROM ${from}\n`;
    expect(await refusal({ dockerfile })).toMatchObject({ code: "bad-configuration" });
    expect(await said({ dockerfile, registry_auth: auth })).toContain("base");
    await docker.getImage(from).tag({ repo: "kept", tag: "base" });
    await images.push(docker, await saying("rebased"), "team/base:1");
    await docker.getImage("kept:base").tag({ repo: from.replace(/:1$/, ""), tag: "1" });
    expect(await said({ dockerfile, registry_auth: auth })).toContain("base");
    expect(await said({ dockerfile, registry_auth: auth, alwaysPull: true })).toContain("rebased");
  });

  test("no other registry is ever shown the password", async () => {
    const shown: (string | undefined)[] = [];
    const curious = createServer(({ headers }, response) => {
      shown.push(headers.authorization);
      response.writeHead(401, { "www-authenticate": 'Basic realm="give it to me"' }).end();
    });
    await new Promise<void>((resolve) => curious.listen(0, "127.0.0.1", resolve));
    const other = `127.0.0.1:${(curious.address() as AddressInfo).port}/team/tiny:1`;
    try {
      const options = { registry_auth: auth };
      expect(await refusal({ ...options, image: other })).toMatchObject({
        code: "bad-configuration",
      });
      await refusal({ ...options, dockerfile: `FROM ${other}\n` });
      expect(shown.length).toBeGreaterThan(1);
      expect(shown.filter((header) => header !== undefined)).toEqual([]);
      // The test can tell: with its own address it is shown.
      const own = { ...USER, serveraddress: other.split("/")[0] };
      await refusal({ image: other, registry_auth: own });
      const header = `Basic ${Buffer.from(`${USER.username}:${USER.password}`).toString("base64")}`;
      expect(shown).toContain(header);
    } finally {
      await new Promise((resolve) => curious.close(resolve));
    }
  });

  test("one that hangs in the middle of a layer is waited for no longer than asked, and leaves nothing", async () => {
    const image = await images.push(docker, await saying("late", BIG), "team/late:1");
    await forget("late");
    images.gate.stallAfter(1_000_000);
    const end = new AbortController();
    const options = { image, registry_auth: auth };
    const start = refusal(options, end.signal);
    while (!images.gate.isHolding) await new Promise((resolve) => setTimeout(resolve, 10));
    end.abort(new Error("nobody waits any more"));
    expect(await start).toMatchObject({ message: "nobody waits any more" });
    // Of one whose time is up it is said what it was at. What was held back is cut off: let through, it
    // may be the whole layer before the engine gives it up.
    await images.gate.shut();
    await images.gate.open();
    images.gate.stallAfter(1_000_000);
    const late = new AbortController();
    const other = refusal(options, late.signal);
    while (!images.gate.isHolding) await new Promise((resolve) => setTimeout(resolve, 10));
    late.abort(new DriverError("provider-down", "no answer within 5 s (start)"));
    expect(await other).toMatchObject({
      code: "provider-down",
      message: expect.stringMatching(
        /late:1 could not be pulled in time: no answer within 5 s.* (said was: \S|said nothing)/,
      ),
    });
    expect(await engine.containers()).toEqual([]);
    expect(await tags()).not.toContain(image);
    images.gate.flow();
    expect(await said(options)).toContain("late");
  });

  test("one that dies in the middle of a layer is told in the engine's words; one that comes back serves", async () => {
    const image = await images.push(docker, await saying("cut", BIG), "team/cut:1");
    await forget("cut");
    const options = { image, registry_auth: auth };
    images.gate.stallAfter(1_000_000);
    const start = refusal(options);
    while (!images.gate.isHolding) await new Promise((resolve) => setTimeout(resolve, 10));
    await images.gate.shut();
    expect(await start).toMatchObject({
      code: "provider-down",
      message: expect.stringMatching(/could not be pulled: .*(EOF|connection refused)/s),
    });
    expect(rig.notes.filter((line) => line.includes("Retrying in"))).toHaveLength(1);
    expect(await engine.containers()).toEqual([]);
    await images.gate.open();
    images.gate.stallAfter(1_000_000);
    const again = said(options);
    while (!images.gate.isHolding) await new Promise((resolve) => setTimeout(resolve, 10));
    await images.gate.shut();
    await images.gate.open();
    expect(await again).toContain("cut");
  }, 60_000);

  /** So that it is nowhere but at the registry. */
  async function forget(word: string): Promise<void> {
    await docker.getImage(`saying-${word}:1`).remove({ force: true });
    await docker.pruneImages({ filters: { dangling: { true: true } } as never });
  }
});

const BIG = "RUN head -c 6000000 /dev/urandom > /big\n";

/** One of this host's that is not of the loopback: only there does an engine insist on TLS. */
const address = Object.values(networkInterfaces())
  .flat()
  .find((one) => one !== undefined && !one.internal && one.family === "IPv4")?.address;
if (address === undefined) console.warn("skipped: registries over TLS: no address but loopback");

describe.skipIf(!canBe || address === undefined)("a registry on the network", () => {
  test("over TLS when the engine trusts its authority, without only when the engine says so", async () => {
    const host = address as string;
    const certificate = certificateFor(`IP:${host}`);
    const secure = await startDockerRegistry({ host, user: USER, tls: certificate });
    const plain = await startDockerRegistry({ host, user: USER });
    const strange = await startDockerEngine();
    const knowing = await startDockerEngine({
      args: [`--insecure-registry=${plain.name}`],
      env: { SSL_CERT_FILE: certificate.caPath },
    });
    try {
      if (!strange || !knowing) return;
      const pulled = async (engineHost: string, image: string) => {
        const rig = createDockerRig({ docker_host: engineHost, autopull: true });
        const driver = rig.open({
          image,
          registry_auth: USER,
          hostconfig: { NetworkMode: "host" },
        });
        const made = await driver.start(rig.order(), SIGNAL);
        await rig.until(driver, made, "running");
        await driver.stop(made, "now", SIGNAL);
        return rig.notes.at(-1);
      };
      const names = [
        await secure.push(knowing.docker, "tiny", "tiny:1"),
        await plain.push(knowing.docker, "tiny", "tiny:1"),
      ] as const;
      for (const image of names) {
        expect(await pulled(knowing.host, image)).toMatch(/Downloaded newer image/);
      }
      await expect(pulled(strange.host, names[0])).rejects.toMatchObject({
        code: "bad-configuration",
        message: expect.stringMatching(/x509: .*unknown authority.*certs\.d/s),
      });
      await expect(pulled(strange.host, names[1])).rejects.toMatchObject({
        code: "bad-configuration",
        message: expect.stringMatching(/HTTP response to HTTPS client.*insecure-registries/s),
      });
    } finally {
      for (const each of [strange, knowing, secure, plain]) await each?.stop();
      certificate.remove();
    }
  }, 60_000);
});
