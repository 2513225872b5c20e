// Guarantees: a process that is killed while it looks at a repository leaves no git running, and what
// it left on disk, keys among it, goes; the poller reaches a server over SSH that it knows, and no other.
import { execFileSync, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { gitPoller } from "../../../../../server/change-sources/git-poller/poller";
import { gitPollerSchema } from "../../../../../server/change-sources/git-poller/schema";
import { createGitRepository, type GitRepository } from "../../../../support/git-repository";
import { hasSshd, serveOverSsh } from "../../../../support/git-server";

const HOUR_MS = 3_600_000;
let repository: GitRepository;
let directory: string;
/** Takes requests and never answers. */
let silent: Server;

beforeAll(async () => {
  repository = await createGitRepository();
  await repository.commit("main", "a");
  directory = await mkdtemp(join(tmpdir(), "slipway-poller-"));
  silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  silent.closeAllConnections();
  await new Promise((resolve) => silent.close(resolve));
  await repository.close();
  await rm(directory, { recursive: true });
});

const poll = (options: object, cursor: unknown = {}) =>
  gitPoller(gitPollerSchema.parse({ type: "GitPoller", ...options })).poll({
    cursor,
    directory,
    secrets: new Map(),
    isHosted: false,
    now: Date.now,
    stop: new AbortController().signal,
  });

/** Processes that were given this word as an argument. */
const given = (word: string) =>
  execFileSync("ps", ["-eo", "args="], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(word));

it("git ends with a process that is killed", async () => {
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/silent.git`;
  const asked = new Promise((resolve) => silent.once("request", resolve));
  const program = join(import.meta.dirname, "../../../../support/poll-once.ts");
  const child = spawn(process.execPath, ["--import", "tsx", program], {
    env: { ...process.env, REPOURL: url, DIRECTORY: directory },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  await Promise.race([asked, gone]);
  expect(given(url).length).toBeGreaterThan(0);
  child.kill("SIGKILL");
  await gone;
  while (given(url).length > 0) await sleep(20);
});

it("what a killed process left on disk goes", async () => {
  const old = join(directory, "access-old");
  await mkdir(old);
  await writeFile(join(old, "key"), "secret");
  await utimes(old, new Date(), new Date(Date.now() - 2 * HOUR_MS));
  await mkdir(join(directory, "access-of-another"));
  const { cursor } = await poll({ repourl: repository.path });
  const left = (await readdir(directory)).filter((name) => name.startsWith("access-"));
  expect(left).not.toContain("access-old");
  expect(left).toContain("access-of-another");

  const lock = join(directory, "repository.git", "packed-refs.lock");
  await writeFile(lock, "");
  await writeFile(join(directory, "repository.git", "shallow.lock"), "");
  const next = await repository.commit("main", "b", "behind a lock");
  const { changes } = await poll({ repourl: repository.path }, cursor);
  expect(changes).toMatchObject([{ revision: next }]);
});

it.skipIf(!hasSshd())("over SSH, with a key, from the server that is known", async () => {
  const server = await serveOverSsh(repository.path);
  try {
    const { url: repourl, key: sshPrivateKey, hostKey: sshHostKey } = server;
    const { cursor } = await poll({ repourl, sshPrivateKey, sshHostKey });
    const next = await repository.commit("main", "c", "over ssh");
    const { changes } = await poll({ repourl, sshPrivateKey, sshHostKey }, cursor);
    expect(changes).toMatchObject([{ revision: next, comments: "over ssh" }]);
    const known = `[127.0.0.1]:${new URL(repourl).port} ${sshHostKey}`;
    const again = await poll({ repourl, sshPrivateKey, sshKnownHosts: known }, cursor);
    expect(again.changes).toHaveLength(1);
    await expect(poll({ repourl, sshHostKey })).rejects.toThrow("set sshPrivateKey");
    await expect(poll({ repourl, sshPrivateKey: "none", sshHostKey })).rejects.toThrow(
      "the host does not accept sshPrivateKey, or it is not a key",
    );
    const strange = { repourl, sshPrivateKey, sshHostKey: server.otherHostKey };
    await expect(poll(strange)).rejects.toThrow("the host's key is not the one that is known");
    // Nothing said: whoever is met first is trusted, and from then on nobody else.
    await poll({ repourl, sshPrivateKey });
    const met = join(directory, "known_hosts");
    const [type, value] = server.otherHostKey.split(" ");
    const text = await readFile(met, "utf8");
    await writeFile(met, text.replace(/ ssh-\S+ \S+/, ` ${type} ${value}`));
    await expect(poll({ repourl, sshPrivateKey })).rejects.toThrow("the host's key is not the one");
  } finally {
    await server.close();
  }
});
