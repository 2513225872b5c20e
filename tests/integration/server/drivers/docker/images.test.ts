// Guarantee: an image is built from a Dockerfile as it is written, once, and one that was built for a
// single machine goes with it; files of the server are read from one folder only.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { startDockerEngine } from "../../../../support/docker-engine";
import { createDockerRig, type DockerRig, SIGNAL } from "../../../../support/docker-rig";

const engine = await startDockerEngine();

describe.skipIf(engine === null)("images", () => {
  if (engine === null) return;
  const { docker } = engine;
  const folder = mkdtempSync(join(tmpdir(), "slipway-contexts-"));
  let rig: DockerRig;
  beforeEach(() => {
    const options = { docker_host: engine.host, hostconfig: { network_mode: "host" } };
    rig = createDockerRig(options, { contexts: folder });
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await engine.stop();
  });

  const STAGES = [
    "FROM tiny AS first",
    "ARG WORD=none",
    "RUN echo first $WORD > /said",
    'CMD ["sh","-c","cat /said; exit 1"]',
    "FROM first AS second",
    "ARG WORD=none",
    "RUN echo second $WORD > /said",
  ].join("\n");
  const said = async (options: object, worker: number) => {
    const driver = rig.open(options);
    const made = await driver.start(rig.order(worker), SIGNAL);
    const { why } = await rig.until(driver, made, "broken");
    await driver.stop(made, "now", SIGNAL);
    return why;
  };
  const refusal = (options: object) =>
    rig
      .open(options)
      .start(rig.order(), SIGNAL)
      .then(
        () => Promise.reject(new Error("it was made")),
        (error: unknown) => error as { code: string; message: string },
      );
  const tags = async () =>
    (await docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []).sort();

  test("a dockerfile is built with its arguments up to its target, and stays under its name", async () => {
    const options = { image: "made:1", dockerfile: STAGES, buildargs: { WORD: "of honour" } };
    expect(await said({ ...options, target: "first" }, 1)).toContain("first of honour");
    expect(rig.notes).toContain("image made:1 is built");
    expect(rig.notes.join("\n")).toMatch(/Step 1\/\d+ : FROM tiny/);
    // It is there: nothing is compared, nothing is built.
    rig.notes.length = 0;
    expect(await said({ ...options, dockerfile: "FROM tiny" }, 2)).toContain("first of honour");
    expect(rig.notes).toEqual([]);
    expect(await tags()).toContain("made:1");
    expect(await said({ image: "made:2", dockerfile: STAGES }, 3)).toContain("second none");
  });

  test("an image without a name is the machine's own and goes with it", async () => {
    const before = await tags();
    expect(await said({ dockerfile: STAGES, target: "second" }, 1)).toContain("second none");
    expect(await tags()).toEqual(before);
    const dangling = { filters: { dangling: ["true"] } };
    expect(await docker.listImages(dangling)).toEqual([]);
  });

  test("one that was built for a machine that was never made is found and taken away", async () => {
    const driver = rig.open({ dockerfile: "FROM tiny\n" });
    const made = await driver.start(rig.order(), SIGNAL);
    await docker.getContainer(made.key).remove({ force: true });
    const left = await driver.list({ installation: rig.installation }, SIGNAL);
    expect(left).toMatchObject([{ key: made.key, tag: made.tag, ref: null }]);
    // Whoever sweeps an engine has the options of any worker that uses it.
    const other = rig.open({ image: "tiny" });
    for (const handle of left) await other.stop(handle, "now", SIGNAL);
    expect(await driver.list({ installation: rig.installation }, SIGNAL)).toEqual([]);
  });

  test("what a dockerfile cannot be built for stands in the error, and nothing is left", async () => {
    const before = await docker.listImages({ all: true });
    expect(await refusal({ dockerfile: "FROM tiny\nRUN echo no licence; exit 7\n" })).toMatchObject(
      {
        code: "bad-configuration",
        message: expect.stringMatching(/could not be built: .*exit 7.*non-zero code: 7/),
      },
    );
    expect(rig.notes).toContain("no licence");
    const chatty = "FROM tiny\nRUN for i in $(seq 99); do echo line $i; done; exit 7\n";
    const { message } = await refusal({ dockerfile: chatty });
    expect(message).toMatch(/non-zero code: 7\. It said:\n.*line 98\nline 99\n/s);
    expect(message).not.toContain("line 70\n");
    expect(await refusal({ dockerfile: "FRUM tiny\n" })).toMatchObject({
      code: "bad-configuration",
      message: expect.stringContaining("FRUM"),
    });
    expect(await refusal({ dockerfile: "FROM tiny\n", target: "nowhere" })).toMatchObject({
      code: "bad-configuration",
      message: expect.stringContaining("nowhere"),
    });
    const mounts = "FROM tiny\nRUN --mount=type=cache,target=/x true\n";
    expect(await refusal({ dockerfile: mounts })).toMatchObject({
      code: "bad-configuration",
      message: expect.stringMatching(/BuildKit.*push it to a registry, and set autopull/s),
    });
    // alwaysPull asks for what it begins from.
    const fresh = { dockerfile: "FROM registry.invalid/base:1\n", alwaysPull: true };
    expect(await refusal(fresh)).toMatchObject({ code: "provider-down" });
    expect(await engine.containers()).toEqual([]);
    expect((await docker.listImages({ all: true })).length).toBe(before.length);
  });

  test("an archive in the folder for them is a context; others are not read", async () => {
    const source = join(folder, "source");
    mkdirSync(source);
    writeFileSync(join(source, "word"), "from the archive\n");
    const dockerfile = 'FROM tiny\nARG TO\nCOPY word /$TO\nCMD ["sh","-c","cat /there; exit 1"]\n';
    writeFileSync(join(source, "Dockerfile"), dockerfile);
    execFileSync("tar", ["-C", source, "-czf", join(folder, "context.tar.gz"), "."]);
    execFileSync("tar", ["-C", source, "-cjf", join(folder, "context.tar.bz2"), "."]);
    execFileSync("tar", ["-C", source, "-cf", join(folder, "context.tar"), "."]);
    const options = { custom_context: true, buildargs: { TO: "there" } };
    for (const [index, encoding] of ["gzip", "bzip"].entries()) {
      const archive = encoding === "gzip" ? "context.tar.gz" : join(folder, "context.tar.bz2");
      const built = { ...options, image: `archived:${index}`, dockerfile: archive, encoding };
      expect(await said(built, index + 1)).toContain("from the archive");
    }
    // One that is not compressed; one that is said to be what it is not.
    for (const [index, encoding] of ["gzip", "identity", "xz"].entries()) {
      rig.notes.length = 0;
      const built = { ...options, image: `plain:${index}`, dockerfile: "context.tar", encoding };
      expect(await said(built, index + 10)).toContain("from the archive");
      const told = rig.notes.filter((line) => line.startsWith("the context "));
      expect(told).toEqual(
        encoding === "xz"
          ? ["the context context.tar is not compressed, and not xz: it is sent as it is"]
          : [],
      );
    }
    writeFileSync(join(folder, "notes.txt"), "no archive, and long enough to be none ".repeat(50));
    symlinkSync("/etc/passwd", join(folder, "link"));
    for (const [path, why] of [
      ["/etc/passwd", "must lie in"],
      ["../../etc/passwd", /must lie in|no such file/],
      ["link", "must lie in"],
      ["missing.tar", "no such file"],
      ["notes.txt", "no archive"],
      ["source", "no archive"],
    ] as const) {
      const refused = await refusal({ ...options, dockerfile: path });
      expect(refused.code).toBe("bad-configuration");
      expect(refused.message).toMatch(why);
    }
  });
});
