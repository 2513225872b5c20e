// Guarantee: the Git step does the same on every kind of worker over both protocols, reaches
// repositories in every way that git knows, and does not stay stuck on what an earlier build left.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasBuildbotWorker } from "../support/buildbot-worker";
import { hasOpenssl, testCertificate } from "../support/certificate";
import { createGitRepository, type GitRepository } from "../support/git-repository";
import { hasSshd, serveOverHttp, serveOverSsh } from "../support/git-server";
import { type GitStepRig, openGitStepRig, type WorkerKind } from "../support/git-step-rig";

const PASSWORD = "correct horse battery";
const closing: (() => unknown)[] = [];
let repository: GitRepository;

beforeAll(async () => {
  repository = await newRepository();
  await repository.commit("main", "a file");
});
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

async function newRepository(): Promise<GitRepository> {
  const made = await createGitRepository();
  closing.push(() => made.close());
  return made;
}

async function newRig(kind: WorkerKind): Promise<GitStepRig> {
  const rig = await openGitStepRig(kind, repository.path, { password: PASSWORD });
  closing.push(() => rig.close());
  return rig;
}

const KINDS: readonly WorkerKind[] = [
  { program: "buildbot-worker", protocol: "msgpack" },
  { program: "slipway-worker", protocol: "msgpack" },
  { program: "slipway-worker", protocol: "pb" },
];

for (const kind of KINDS) {
  const isSkipped = kind.program === "buildbot-worker" && !hasBuildbotWorker();
  it.skipIf(isSkipped)(
    `${kind.program} over ${kind.protocol}: every mode, keys and a patch`,
    async () => {
      const { run, at } = await newRig(kind);
      const first = await repository.commit("main", "first");
      const second = await repository.commit("main", "second");
      const one = await run({ workdir: "kept" }, { branch: "main", revision: first });
      expect(one.properties.got_revision).toEqual([first, "Git"]);
      writeFileSync(at("kept", "built.o"), "object");
      const two = await run({ workdir: "kept" }, { branch: "main" });
      expect(two.properties.got_revision).toEqual([second, "Git"]);
      expect(existsSync(at("kept", "built.o"))).toBe(true);
      for (const method of ["clobber", "fresh", "clean", "copy"]) {
        const options = { workdir: "full", mode: "full", method };
        expect(await run(options)).toMatchObject({ result: 0 });
        writeFileSync(at("full", "untracked"), "");
        expect(await run(options)).toMatchObject({ result: 0 });
        expect(existsSync(at("full", "untracked"))).toBe(false);
      }
      const server = await serveOverHttp(repository.path, `ada:${PASSWORD}`);
      const hidden = await run({
        ...{ workdir: "http", repourl: server.url },
        auth_credentials: ["ada", "%(secret:password)s"],
      });
      await server.close();
      expect(hidden).toMatchObject({ result: 0 });
      expect(hidden.log).not.toContain(PASSWORD);
      const before = readFileSync(at("kept", "first"), "utf8");
      const body = `--- a/first\n+++ b/first\n@@ -1 +1 @@\n-${before.trim()}\n+patched\n`;
      const patch = { level: 1, body, author: "", comment: "", subdir: "." };
      expect(await run({ workdir: "kept" }, { branch: "main", patch })).toMatchObject({
        result: 0,
      });
      expect(readFileSync(at("kept", "first"), "utf8")).toBe("patched\n");
      const nowhere = await run({ workdir: "wrong", repourl: "/nowhere/at/all.git" });
      expect(nowhere.summary).toContain("there is no repository at /nowhere/at/all.git");
    },
  );
}

describe("on our own worker", () => {
  let rig: GitStepRig;
  const run: GitStepRig["run"] = (...args) => rig.run(...args);
  const at: GitStepRig["at"] = (...names) => rig.at(...names);
  const git = (workdir: string, ...args: string[]) => repository.git("-C", at(workdir), ...args);

  beforeAll(async () => {
    rig = await newRig({ program: "slipway-worker", protocol: "msgpack" });
  });

  it.skipIf(!hasOpenssl())(
    "HTTPS with a private authority, by setting and by environment",
    async () => {
      const certificate = testCertificate();
      closing.push(() => certificate.remove());
      const server = await serveOverHttp(repository.path, null, certificate);
      closing.push(() => server.close());
      const options = { workdir: "https", repourl: server.url };
      expect((await run(options)).summary).toContain("certificate is not trusted by the worker");
      const config = { "http.sslCAInfo": certificate.caPath };
      expect(await run({ ...options, config })).toMatchObject({ result: 0 });
      const env = { GIT_SSL_CAINFO: certificate.caPath };
      expect(await run({ ...options, workdir: "https-env", env })).toMatchObject({ result: 0 });
    },
  );

  it("git_credentials, for a path of a host", async () => {
    const server = await serveOverHttp(repository.path, `ada:${PASSWORD}`);
    closing.push(() => server.close());
    const { protocol, host, pathname } = new URL(server.url);
    const credential = (path: string) =>
      `url=${protocol}//${host}${path}\nusername=ada\npassword=%(secret:password)s`;
    const options = { workdir: "credentials", repourl: server.url };
    const given = (path: string) => ({ credentials: [credential(path)], use_http_path: true });
    const right = await run({ ...options, git_credentials: given(pathname) });
    expect(right).toMatchObject({ result: 0 });
    expect(right.log).not.toContain(PASSWORD);
    const other = await run({ ...options, git_credentials: given("/other.git") });
    expect(other.summary).toContain("does not accept the user name and password");
  });

  it.skipIf(!hasSshd())("an address as scp has them, on a port of its own", async () => {
    const server = await serveOverSsh(repository.path);
    closing.push(() => server.close());
    const { port } = new URL(server.url);
    const scp = await run({
      ...{ workdir: "scp", repourl: `root@127.0.0.1:${repository.path}`, port: Number(port) },
      ...{ sshPrivateKey: server.key, sshHostKey: server.hostKey },
    });
    expect(scp).toMatchObject({ result: 0 });
  });

  it("reference and origin", async () => {
    const options = { workdir: "named", reference: repository.path, origin: "upstream" };
    expect(await run(options)).toMatchObject({ result: 0 });
    expect(await git("named", "remote")).toBe("upstream");
    const alternates = readFileSync(at("named", ".git/objects/info/alternates"), "utf8");
    expect(alternates).toContain(repository.path);
    const next = await repository.commit("main", "after");
    expect((await run(options)).properties.got_revision).toEqual([next, "Git"]);
    const wrong = await run({ workdir: "unnamed", reference: "/nowhere/at/all.git" });
    expect(wrong.summary).toContain("no repository on the worker where reference says");
  });

  it("retryFetch fetches once more", async () => {
    const server = await serveOverHttp(repository.path);
    closing.push(() => server.close());
    const options = { workdir: "flaky", repourl: server.url };
    expect(await run(options)).toMatchObject({ result: 0 });
    server.refuseFetches(1);
    expect(await run(options)).toMatchObject({ result: 2 });
    server.refuseFetches(1);
    expect(await run({ ...options, retryFetch: true })).toMatchObject({ result: 0 });
  });

  it("remoteSubmodules and relative ones, also when the repository moves", async () => {
    const library = await newRepository();
    await library.commit("main", "library file");
    const main = await newRepository();
    await main.commit("main", "main file");
    const work = at("..", "making");
    await main.git("clone", "-q", main.path, work);
    const inWork = (...args: string[]) =>
      main.git("-C", work, "-c", "protocol.file.allow=always", ...args);
    const relative = `../${library.path.split("/").at(-1)}`;
    await inWork("submodule", "--quiet", "add", "-b", "main", relative, "lib");
    await inWork("commit", "-q", "-m", "with a submodule");
    await inWork("push", "-q", "origin", "HEAD:main");
    await library.commit("main", "newer file");
    const config = { "protocol.file.allow": "always" };
    const options = { workdir: "modules", repourl: main.path, submodules: true, config };
    expect(await run(options)).toMatchObject({ result: 0 });
    expect(existsSync(at("modules", "lib", "library file"))).toBe(true);
    expect(existsSync(at("modules", "lib", "newer file"))).toBe(false);
    expect(await run({ ...options, remoteSubmodules: true })).toMatchObject({ result: 0 });
    expect(existsSync(at("modules", "lib", "newer file"))).toBe(true);

    const moved = `file://${main.path}`;
    expect(await run({ ...options, repourl: moved })).toMatchObject({ result: 0 });
    expect(await git("modules", "config", "remote.origin.url")).toBe(moved);
    expect(await git("modules/lib", "config", "remote.origin.url")).toBe(`file://${library.path}`);
  });

  it("goes on where a git was killed with its lock files there", async () => {
    expect(await run({ workdir: "locked" }, { branch: "main" })).toMatchObject({ result: 0 });
    const next = await repository.commit("main", "behind a lock");
    for (const name of ["index.lock", "HEAD.lock", "config.lock", "refs/heads/main.lock"]) {
      writeFileSync(at("locked", ".git", name), "");
    }
    const built = await run({ workdir: "locked" }, { branch: "main" });
    expect(built).toMatchObject({ result: 0, properties: { got_revision: [next, "Git"] } });
    expect(existsSync(at("locked", ".git", "index.lock"))).toBe(false);
    expect(await git("locked", "symbolic-ref", "--short", "HEAD")).toBe("main");
  });
});
