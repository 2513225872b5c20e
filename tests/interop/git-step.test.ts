// Guarantee: the Git step brings exactly the wanted revision to a real Python worker, whatever lay there
// before; keys and passwords are in no log, address or file afterwards; failures say what is wrong.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { steps } from "../../server/steps";
import type { SourceStamp } from "../../server/steps/contract";
import { hasBuildbotWorker } from "../support/buildbot-worker";
import { createGitRepository, type GitRepository } from "../support/git-repository";
import { hasSshd, serveOverHttp, serveOverSsh } from "../support/git-server";
import { type GitStepRig, openGitStepRig } from "../support/git-step-rig";

const PASSWORD = "correct horse battery";

describe.skipIf(!hasBuildbotWorker())("the Git step on a Python worker", () => {
  let rig: GitStepRig;
  let repository: GitRepository;
  const closing: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    repository = await createGitRepository();
    rig = await openGitStepRig({ program: "buildbot-worker", protocol: "pb" }, repository.path, {
      password: PASSWORD,
    });
    closing.push(
      () => repository.close(),
      () => rig.close(),
    );
    await repository.commit("main", ".gitignore");
    await repository.commit("main", "a file\nwith a line break");
  });

  afterAll(async () => {
    for (const close of closing) await close();
  });

  const run: GitStepRig["run"] = (...args) => rig.run(...args);
  const at: GitStepRig["at"] = (...names) => rig.at(...names);
  /** Nothing secret is left beside the builder's directory. */
  const expectNothingLeft = () =>
    expect(readdirSync(rig.dir).filter((name) => name.includes("slipway"))).toEqual([]);

  it("keeps what was built with mode incremental, and follows the branch", async () => {
    const first = await repository.commit("main", "first");
    const one = await run({ workdir: "incremental" });
    expect(one).toMatchObject({ result: 0, properties: { got_revision: [first, "Git"] } });
    expect(existsSync(at("incremental", "a file\nwith a line break"))).toBe(true);
    writeFileSync(at("incremental", "built.o"), "object");
    const second = await repository.commit("main", "second");
    const two = await run({ workdir: "incremental" }, { branch: "main" });
    expect(two.properties.got_revision).toEqual([second, "Git"]);
    expect(existsSync(at("incremental", "built.o"))).toBe(true);
    const back = await run({ workdir: "incremental" }, { branch: "main", revision: first });
    expect(back.properties.got_revision).toEqual([first, "Git"]);
    expect(existsSync(at("incremental", "second"))).toBe(false);
    const latest = { workdir: "incremental", alwaysUseLatest: true };
    const newest = await run(latest, { branch: "main", revision: first });
    expect(newest.properties.got_revision).toEqual([second, "Git"]);
  });

  it("clears as much as the method says with mode full", async () => {
    for (const [method, left] of [
      ["clobber", []],
      ["fresh", []],
      ["clean", ["ignored.o"]],
      ["copy", []],
    ] as const) {
      const options = { workdir: `full-${method}`, mode: "full", method };
      expect(await run(options)).toMatchObject({ result: 0 });
      const exclude = at(
        method === "copy" ? "source" : `full-${method}`,
        ".git",
        "info",
        "exclude",
      );
      writeFileSync(exclude, "*.o\n");
      for (const name of ["ignored.o", "untracked"]) writeFileSync(at(`full-${method}`, name), "");
      rmSync(at(`full-${method}`, "first"));
      expect(await run(options)).toMatchObject({ result: 0 });
      const there = readdirSync(at(`full-${method}`));
      expect(there).toContain("first");
      expect(there.filter((name) => ["ignored.o", "untracked"].includes(name))).toEqual(left);
    }
    expect(existsSync(at("source", ".git"))).toBe(true);
  });

  it("takes the last change's revision, a map by codebase, a description, a shallow clone", async () => {
    const tagged = await repository.commit("main", "tagged");
    await repository.git("tag", "-a", "-m", "one", "v1.0", tagged);
    await repository.commit("main", "after");
    const stamp = {
      codebase: "lib",
      branch: "main",
      changes: [{ revision: "x" }, { revision: tagged }],
    };
    const described = await run(
      { workdir: "described", codebase: "lib", tags: true, getDescription: { match: "v*" } },
      stamp,
    );
    expect(described.properties).toMatchObject({
      got_revision: [{ lib: tagged }, "Git"],
      "commit-description-lib": ["v1.0", "Git"],
    });
    const url = `file://${repository.path}`;
    const shallow = await run({
      workdir: "shallow",
      repourl: url,
      shallow: 1,
      filters: ["blob:none"],
    });
    expect(shallow.result).toBe(0);
    expect(existsSync(at("shallow", ".git", "shallow"))).toBe(true);
    const missing = await run({ workdir: "described", codebase: "other" }, stamp);
    expect(missing.summary).toContain('no source stamp for codebase "other"');
  });

  it("brings submodules", async () => {
    const library = await createGitRepository();
    closing.push(() => library.close());
    const commit = await library.commit("main", "library file");
    const main = await createGitRepository();
    closing.push(() => main.close());
    await main.commit("main", "main file");
    const work = at("..", "making");
    await main.git("clone", "-q", main.path, work);
    const inWork = (...args: string[]) =>
      main.git("-C", work, "-c", "protocol.file.allow=always", ...args);
    await inWork("submodule", "--quiet", "add", library.path, "lib");
    await inWork("commit", "-q", "-m", "with a submodule");
    await inWork("push", "-q", "origin", "HEAD:main");
    const options = { workdir: "modules", repourl: main.path, submodules: true };
    const refused = await run(options);
    expect(refused.summary).toContain("in a way that git does not allow");
    const config = { "protocol.file.allow": "always" };
    expect(await run({ ...options, config })).toMatchObject({ result: 0 });
    expect(existsSync(at("modules", "lib", "library file"))).toBe(true);
    expect(commit).toMatch(/^[0-9a-f]{40}$/);
  });

  it("applies a patch, and the next build begins without it", async () => {
    const body =
      "--- a/first\n+++ b/first\n@@ -1 +1 @@\n-3\n+patched\n--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+new\n";
    await run({ workdir: "patched" });
    const before = readFileSync(at("patched", "first"), "utf8");
    const patch = {
      level: 1,
      body: body.replace("-3", `-${before.trim()}`),
      author: "",
      comment: "",
      subdir: ".",
    };
    expect(await run({ workdir: "patched" }, { branch: "main", patch })).toMatchObject({
      result: 0,
    });
    expect(readFileSync(at("patched", "first"), "utf8")).toBe("patched\n");
    expect(await run({ workdir: "patched" }, { branch: "main" })).toMatchObject({ result: 0 });
    expect(readFileSync(at("patched", "first"), "utf8")).toBe(before);
    expect(existsSync(at("patched", "new"))).toBe(false);
    const unfit = { ...patch, body: body.replace("-3", "-something else") };
    expect(await run({ workdir: "patched" }, { patch: unfit })).toMatchObject({ result: 2 });
  });

  it("says plainly what is wrong", async () => {
    const says = async (options: object, stamp: Partial<SourceStamp> | null, words: string) => {
      const { result, summary } = await run({ workdir: "wrong", ...options }, stamp);
      expect(summary).toContain(words);
      expect(result).toBe(2);
    };
    await says(
      { repourl: "/nowhere/at/all.git" },
      null,
      "there is no repository at /nowhere/at/all.git",
    );
    await says({}, { branch: "absent" }, 'there is no branch "absent"');
    await says({}, { branch: "main", revision: "0".repeat(40) }, "there is no revision");
    await says({}, { branch: "--upload-pack=touch /tmp/x" }, "is no branch or revision");
    expect(() => steps.make({ type: "Git", repourl: "ext::sh" }, {})).toThrow("git helper");
  });

  it("clones anew when the repository on the worker is broken, if the recipe says so", async () => {
    await run({ workdir: "broken" });
    writeFileSync(at("broken", ".git", "HEAD"), "rubbish");
    expect(await run({ workdir: "broken" })).toMatchObject({ result: 2 });
    expect(await run({ workdir: "broken", clobberOnFailure: true })).toMatchObject({ result: 0 });
    const retried = await run({ workdir: "retried", repourl: "/nowhere.git", retry: [0, 2] });
    expect(retried.log.match(/does not exist/g)).toHaveLength(3);
  });

  it("logs in over HTTP without telling anybody how", async () => {
    const server = await serveOverHttp(repository.path, `ada:${PASSWORD}`);
    closing.push(() => server.close());
    const options = { workdir: "http", repourl: server.url };
    expect((await run(options)).summary).toContain("asks for a password: give auth_credentials");
    const wrong = await run({ ...options, auth_credentials: ["ada", "wrong one"] });
    expect(wrong.summary).toContain("does not accept the user name and password");
    const right = await run({ ...options, auth_credentials: ["ada", "%(secret:password)s"] });
    expect(right).toMatchObject({ result: 0 });
    expect(right.log).not.toContain(PASSWORD);
    expect(right.log).not.toContain(encodeURIComponent(PASSWORD));
    expect(readFileSync(at("http", ".git", "config"), "utf8")).not.toContain("ada");
    const config = { "http.extraHeader": "X-Token: %(secret:password)s" };
    const hidden = await run({ ...options, config, auth_credentials: ["ada", PASSWORD] });
    expect(hidden.log).toContain("http.extraHeader=X-Token: <password>");
    expect(hidden.log).not.toContain(PASSWORD);
    expectNothingLeft();
    const moved = { ...options, repourl: server.redirecting, workdir: "moved" };
    expect(await run({ ...moved, auth_credentials: ["ada", PASSWORD] })).toMatchObject({
      result: 0,
    });
  });

  it.skipIf(!hasSshd())("logs in over SSH to the server that it knows only", async () => {
    const server = await serveOverSsh(repository.path);
    closing.push(() => server.close());
    const options = { workdir: "ssh", repourl: server.url, sshPrivateKey: server.key };
    const right = await run({ ...options, sshHostKey: server.hostKey });
    expect(right).toMatchObject({ result: 0 });
    expect(right.log).not.toContain(server.key.split("\n")[1]);
    const known = `[127.0.0.1]:${new URL(server.url).port} ${server.hostKey}`;
    expect(await run({ ...options, sshKnownHosts: known })).toMatchObject({ result: 0 });
    const strange = await run({ ...options, sshHostKey: server.otherHostKey });
    expect(strange.summary).toContain("host key is not the one that is trusted");
    const { sshPrivateKey: _, ...without } = options;
    const refused = await run({ ...without, sshHostKey: server.hostKey });
    expect(refused.summary).toContain("give sshPrivateKey");
    expectNothingLeft();
  });

  it("takes keys away after a stop, too", async () => {
    const stop = new AbortController();
    const options = { workdir: "stopped", repourl: "http://127.0.0.1:9/x.git", retry: [600, 1] };
    const running = run({ ...options, auth_credentials: ["ada", PASSWORD] }, null, stop.signal);
    while (!readdirSync(rig.dir).some((name) => name.includes("slipway"))) await sleep(10);
    stop.abort("enough");
    expect(await running).toMatchObject({ result: 6 });
    expectNothingLeft();
  });
});
