// Guarantee: whoever types the address of a repository is told in plain words what is there, or why it
// cannot be read; credentials reach the one host they are for, and nothing else; nothing is left behind.
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { lookAtRepository } from "../../../../../server/change-sources/git-poller/look-at-repository";
import { makeBareRepository } from "../../../../support/bare-repository";
import {
  GIT_USER,
  type GitHttpServer,
  startGitHttpServer,
} from "../../../../support/git-http-server";

let folder: string;
let server: GitHttpServer;
const OURS = { isHosted: false };
const ODD = "a name\nwith a newline";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "look-"));
  mkdirSync(join(folder, "tmp"));
  vi.stubEnv("TMPDIR", join(folder, "tmp"));
  makeBareRepository(
    join(folder, "hull.git"),
    { "package.json": "{}", [ODD]: "x", "src/keel.ts": "x" },
    ["trunk", "release/1.0", "topic"],
  );
  makeBareRepository(join(folder, "many.git"), {}, [
    "main",
    ...Array.from({ length: 510 }, (_, n) => `b${String(n).padStart(3, "0")}`),
  ]);
  mkdirSync(join(folder, "no.git"));
  server = await startGitHttpServer(folder);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

const look = (
  repourl: string,
  credentials: { username?: string; password?: string } = {},
  options = OURS,
) => lookAtRepository({ repourl, branch: null, credentials }, options);

it("finds branches, the default one, and what lies in the root, by path and by HTTP", async () => {
  const found = {
    kind: "found",
    branches: ["release/1.0", "topic", "trunk"],
    isCut: false,
    defaultBranch: "trunk",
    files: [ODD, "package.json", "src"],
    filesProblem: null,
  };
  expect(await look(join(folder, "hull.git"))).toEqual(found);
  expect(await look(`${server.url}/hull.git`)).toEqual(found);
  expect(await look(`${server.url}/moved/hull.git`)).toMatchObject({
    problem: "redirects",
    redirectedTo: `${server.url}/hull.git`,
  });
});

it("lists a part of many branches, the default one among them", async () => {
  const answer = await look(join(folder, "many.git"));
  expect(answer).toMatchObject({ kind: "found", isCut: true, defaultBranch: "main" });
  if (answer.kind === "found") expect(answer.branches).toContain("main");
});

it("uses a password, whatever is in it, and never shows it", async () => {
  expect(await look(`${server.url}/private/hull.git`)).toMatchObject({ problem: "asks-password" });
  expect(await look(`${server.url}/private/hull.git`, GIT_USER)).toMatchObject({ kind: "found" });
  const wrong = { ...GIT_USER, password: "hunter2-of-old" };
  const refused = await look(`${server.url}/private/hull.git`, wrong);
  expect(refused).toMatchObject({ kind: "refused", problem: "refuses-password" });
  expect(JSON.stringify(refused)).not.toContain("hunter2");
  // It could end at another host, which would ask for the password.
  expect(await look(`${server.url}/moved/hull.git`, GIT_USER)).toMatchObject({
    problem: "redirects",
  });
});

it.each([
  ["a folder that is none", () => join(folder, "no.git"), "no-repository"],
  ["a path that is not there", () => join(folder, "nowhere.git"), "no-repository"],
  ["a page that is none", () => `${server.url}/nowhere.git`, "no-repository"],
  ["a host that nobody knows", () => "https://nowhere.invalid/hull.git", "unknown-host"],
  ["a port where nothing listens", () => "http://127.0.0.1:9/hull.git", "unreachable"],
  ["a program for git to run", () => "ext::sh -c touch% /tmp/owned", "not-allowed"],
  ["an option of git", () => "--upload-pack=touch /tmp/owned", "not-allowed"],
])("says plainly of %s what it is", async (_, url, problem) => {
  expect(await look(url())).toMatchObject({ kind: "refused", problem });
});

it("lends nothing of this host where strangers are served", async () => {
  const hosted = { isHosted: true };
  for (const url of [
    join(folder, "hull.git"),
    `file://${folder}/hull.git`,
    `${server.url}/hull.git`,
  ])
    expect(await look(url, {}, hosted)).toMatchObject({ problem: "not-allowed" });
});

it("leaves nothing behind", () => {
  expect(readdirSync(join(folder, "tmp"))).toEqual([]);
});
