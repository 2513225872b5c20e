// Guarantee: engines that are newer than those at hand are asked in a version that both know, say what
// they say in the places where newer ones say it, and what they cannot do is told plainly.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { choose } from "../../../../../server/drivers/docker/api-version";
import { createDockerRig, type DockerRig, SIGNAL } from "../../../../support/docker-rig";
import { type NewerEngine, startNewerEngine } from "../../../../support/newer-engine";

let engine: NewerEngine;
let rig: DockerRig;
beforeEach(async () => {
  engine = await startNewerEngine();
  rig = createDockerRig({ docker_host: engine.host, image: "there:1" });
});
afterEach(async () => {
  expect(engine.faults).toEqual([]);
  await engine.close();
});

/** From its start to its end. */
async function life(options: object = {}): Promise<void> {
  const driver = rig.open(options);
  const made = await driver.start(rig.order(), SIGNAL);
  expect(await driver.inspect(made, SIGNAL)).toMatchObject({ state: "running" });
  expect(await driver.list({ installation: rig.installation }, SIGNAL)).toHaveLength(1);
  await driver.stop(made, "graceful", SIGNAL);
  expect(await driver.list({ installation: rig.installation }, SIGNAL)).toEqual([]);
}
const versionsAsked = () => [...new Set(engine.asked.map((line) => line.split(" ")[1]))];

test("one that has dropped old versions is asked in the newest that both know, after one question", async () => {
  await life();
  expect(engine.asked[0]).toBe("GET - /version");
  expect(versionsAsked()).toEqual(["-", "1.51"]);
  engine.asked.length = 0;
  await life();
  expect(engine.asked).toContain("GET 1.51 /containers/json");
});

test.each([
  [{ newest: "1.41", oldest: "1.12" }, "1.41"],
  [{ newest: "1.51", oldest: "1.24" }, "1.51"],
  [{ newest: "1.60", oldest: "1.44" }, "1.51"],
  // It has forgotten all that is known here.
  [{ newest: "1.70", oldest: "1.60" }, "1.70"],
  [{ newest: "1.9", oldest: null }, "1.9"],
  [null, "1.51"],
])("of %j it is %s", (versions, version) => {
  expect(choose(versions)).toBe(version);
});

test("one that is replaced meanwhile, by a newer or an older one, is asked again", async () => {
  engine.versions = { newest: "1.41", oldest: "1.12" };
  await life();
  engine.versions = { newest: "1.52", oldest: "1.44" };
  await life();
  expect(versionsAsked()).toEqual(["-", "1.41", "1.51"]);
  engine.versions = { newest: "1.43", oldest: "1.12" };
  await life();
  expect(engine.asked.at(-1)).toContain(" 1.43 ");
});

test("one that knows no path without a version is asked in ours", async () => {
  engine.isUnversioned = false;
  await life();
  expect(versionsAsked()).toEqual(["-", "1.51"]);
});

test("a version that is configured is taken, and one that is too old says what to do", async () => {
  await life({ version: "1.47" });
  expect(versionsAsked()).toEqual(["1.47"]);
  await expect(rig.open({ version: "1.41" }).start(rig.order(), SIGNAL)).rejects.toMatchObject({
    code: "bad-configuration",
    message: expect.stringMatching(/Minimum supported API version is 1\.44.*Leave version out/),
  });
});

test("every hostconfig of Docker's client is a field that it still has", async () => {
  await life({
    hostconfig: { mem_limit: "1g", port_bindings: { 80: 8080 }, tmpfs: ["/t"], links: {} },
  });
});

test("a pull says how far it is in numbers alone, and that it failed in its detail alone", async () => {
  await life({ image: "far:1", autopull: true });
  expect(rig.notes).toEqual([
    "image far:1 is pulled",
    "aa: Pulling fs layer",
    "Status: Downloaded newer image",
  ]);
  const closed = rig.open({ image: "closed:1", autopull: true });
  await expect(closed.start(rig.order(), SIGNAL)).rejects.toMatchObject({
    code: "bad-configuration",
    message: expect.stringMatching(/unauthorized.*registry_auth/),
  });
});

test("one without the builder that there was before BuildKit says so, and what to do", async () => {
  await life({ image: "made:1", dockerfile: "FROM there:1\n" });
  engine.noBuilder = "the legacy builder has been removed: use BuildKit";
  const build = rig.open({ image: "made:2", dockerfile: "FROM there:1\n" });
  await expect(build.start(rig.order(), SIGNAL)).rejects.toMatchObject({
    code: "bad-configuration",
    message: expect.stringMatching(
      /made:2 could not be built: the legacy builder has been removed.*push it to a registry, and set autopull/,
    ),
  });
  expect(engine.containers.size).toBe(0);
});

test("a context goes as encoding says where that can be done", async () => {
  const folder = mkdtempSync(join(tmpdir(), "slipway-contexts-"));
  try {
    writeFileSync(join(folder, "Dockerfile"), "FROM there:1\n");
    execFileSync("tar", ["-C", folder, "-cf", join(folder, "context.tar"), "Dockerfile"]);
    rig = createDockerRig({ docker_host: engine.host }, { contexts: folder });
    const built = { custom_context: true, dockerfile: "context.tar" };
    await life({ ...built, image: "made:1" });
    await life({ ...built, image: "made:2", encoding: "identity" });
    await life({ ...built, image: "made:3", encoding: "gzip" });
    const [plain, same, packed] = engine.contexts as [Buffer, Buffer, Buffer];
    expect(same.equals(plain)).toBe(true);
    expect(packed.subarray(0, 2).toString("hex")).toBe("1f8b");
    expect(gunzipSync(packed).equals(plain)).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
