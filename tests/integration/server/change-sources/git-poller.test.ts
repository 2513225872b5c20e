/**
 * GitPoller against real repositories: the first look writes heads down and nothing else; then each
 * commit is one change, once, oldest first; whatever a repository holds; and a repository that
 * cannot be read says why in plain words (CORE §9, C-090).
 */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ChangeSource, Polled } from "../../../../server/change-sources/contract";
import { gitPoller } from "../../../../server/change-sources/git-poller/poller";
import type { Limits } from "../../../../server/change-sources/git-poller/run-git";
import { gitPollerSchema } from "../../../../server/change-sources/git-poller/schema";
import { createGitRepository, type GitRepository } from "../../../support/git-repository";

let repository: GitRepository;
let directory: string;
beforeEach(async () => {
  repository = await createGitRepository();
  directory = await mkdtemp(join(tmpdir(), "slipway-poller-"));
});
afterEach(async () => {
  await repository.close();
  await rm(directory, { recursive: true, force: true });
});

const NOW = 1_800_000_000_000;

interface Poller {
  poll(more?: object): Promise<Polled>;
  /** Subjects of the changes with their branches. */
  seen(): Promise<string[]>;
}

function poller(options: object = {}, limits?: Limits): Poller {
  const parsed = gitPollerSchema.parse({
    type: "GitPoller",
    repourl: repository.path,
    ...options,
  });
  const source: ChangeSource = gitPoller(parsed, limits);
  let cursor: unknown = {};
  const poll = async (more: object = {}) => {
    const polled = await source.poll({
      cursor,
      directory,
      secrets: new Map(),
      isHosted: false,
      now: () => NOW,
      stop: new AbortController().signal,
      ...more,
    });
    cursor = JSON.parse(JSON.stringify(polled.cursor));
    return polled;
  };
  return {
    poll,
    seen: async () =>
      (await poll()).changes.map(({ comments, branch }) => `${branch}: ${comments}`),
  };
}

describe("what is new", () => {
  it("the first look builds nothing of what there is; then each commit is a change, oldest first", async () => {
    await repository.commit("main", "a", "old");
    const source = poller({ category: "c", project: "p", codebase: "app" });
    expect((await source.poll()).changes).toEqual([]);
    expect((await source.poll()).changes).toEqual([]);
    const first = await repository.commit("main", "a", "one\n\nlonger", "2026-01-02T03:04:05Z");
    const second = await repository.commit("main", "docs/ü b", "two", "2020-01-01T00:00:00Z");
    const { changes, note } = await source.poll();
    expect(note).toBeNull();
    expect(changes).toMatchObject([
      {
        author: "Ada <ada@example.org>",
        committer: "Bob <bob@example.org>",
        comments: "one\n\nlonger",
        files: ["a"],
        revision: first,
        branch: "main",
        repository: repository.path,
        project: "p",
        codebase: "app",
        category: "c",
        when: Date.parse("2026-01-02T03:04:05Z"),
      },
      { revision: second, files: ["docs/ü b"], when: Date.parse("2020-01-01T00:00:00Z") },
    ]);
    expect(await source.seen()).toEqual([]);
  });

  it("usetimestamps false is when it was seen", async () => {
    await repository.commit("main", "a");
    const source = poller({ usetimestamps: false });
    await source.poll();
    await repository.commit("main", "b");
    expect((await source.poll()).changes).toMatchObject([{ when: NOW }]);
  });

  it("a new branch brings what no known branch has; a merge brings itself", async () => {
    await repository.commit("main", "a", "base");
    const source = poller({ branches: true });
    await source.poll();
    await repository.git("branch", "dev", "main");
    await repository.commit("dev", "b", "on dev");
    expect(await source.seen()).toEqual(["dev: on dev"]);
    await repository.commit("main", "c", "on main");
    const tree = await repository.git("rev-parse", "dev^{tree}");
    const merge = await repository.git(
      ...["commit-tree", tree, "-p", "main", "-p", "dev", "-m", "merge"],
    );
    await repository.git("update-ref", "refs/heads/main", merge);
    expect(await source.seen()).toEqual(["main: on main", "main: merge"]);
  });

  it("a push of nothing new is a change only when it is wanted", async () => {
    await repository.commit("main", "a", "base");
    const quiet = poller({ branches: true });
    const eager = poller({ branches: true, buildPushesWithNoCommits: true });
    await quiet.poll();
    await eager.poll();
    await repository.git("branch", "dev", "main");
    expect(await quiet.seen()).toEqual([]);
    expect(await eager.seen()).toEqual(["dev: base"]);
  });

  it("a branch that is rewritten brings its new commits; one that is gone is forgotten", async () => {
    const base = await repository.commit("main", "a", "base");
    await repository.commit("main", "b", "to be undone");
    const source = poller({ branches: true });
    await source.poll();
    await repository.git("update-ref", "refs/heads/main", base);
    await repository.commit("main", "c", "instead");
    expect(await source.seen()).toEqual(["main: instead"]);
    await repository.commit("dev", "d", "dev");
    expect(await source.seen()).toEqual(["dev: dev"]);
    await repository.git("update-ref", "-d", "refs/heads/dev");
    const { changes, cursor } = await source.poll();
    expect(changes).toEqual([]);
    expect(Object.keys((cursor as { heads: object }).heads)).toEqual(["refs/heads/main"]);
  });

  it("of a push that is too long, the newest commits are seen and the rest is counted", async () => {
    await repository.commit("main", "a", "base");
    const source = poller();
    await source.poll();
    const tree = await repository.git("rev-parse", "main^{tree}");
    const person = "A <a@x> 1700000000 +0000";
    const stream = Array.from(
      { length: 1_005 },
      (_, n) =>
        `commit refs/heads/main\nmark :${n + 1}\ncommitter ${person}\ndata <<E\ncommit ${n}\nE\n${n === 0 ? "from refs/heads/main^0\n" : ""}\n`,
    ).join("");
    expect(tree).toHaveLength(40);
    await writeFile(join(repository.path, "stream"), stream);
    await repository.git("-c", "alias.import=!git fast-import --quiet < stream", "import");
    const { changes, note } = await source.poll();
    expect(changes).toHaveLength(1_000);
    expect(changes[0]?.comments).toBe("commit 5");
    expect(changes.at(-1)?.comments).toBe("commit 1004");
    expect(note).toBe("5 older commits of main were left out");
  });
});

describe("what is followed", () => {
  beforeEach(async () => {
    for (const branch of ["main", "dev", "release/1", "release/2"]) {
      await repository.commit(branch, "a", `begin ${branch}`);
    }
  });
  const push = async () => {
    for (const branch of ["dev", "main", "release/1", "release/2"]) {
      await repository.commit(branch, "b", "more");
    }
    await repository.git("tag", "-a", "v1", "-m", "version", "main");
    await repository.git("tag", "v0", "dev");
  };
  it.each([
    [{}, ["main"]],
    [{ branches: ["dev", "release/1"] }, ["dev", "release/1"]],
    [{ branch: "dev" }, ["dev"]],
    [{ branches: "release/*" }, ["release/1", "release/2"]],
    [{ branches: ["refs/heads/main", "re*/2"] }, ["main", "release/2"]],
    [{ branches: true }, ["dev", "main", "release/1", "release/2"]],
    [{ only_tags: true }, ["refs/tags/v0", "refs/tags/v1"]],
  ])("%j is %j", async (options, expected) => {
    const source = poller(options);
    await source.poll();
    await push();
    const { changes } = await source.poll();
    expect([...new Set(changes.map(({ branch }) => branch))].sort()).toEqual(expected);
  });

  it("the default branch is the remote's HEAD, also after it moves", async () => {
    const source = poller();
    await source.poll();
    await repository.git("symbolic-ref", "HEAD", "refs/heads/dev");
    await repository.commit("dev", "x", "on dev");
    await repository.commit("main", "x", "on main");
    expect(await source.seen()).toEqual(["dev: begin dev", "dev: on dev"]);
  });

  it("a branch that is not there is said, and the others are followed", async () => {
    const source = poller({ branches: ["main", "mian"] });
    expect((await source.poll()).note).toBe("there is no branch mian");
    await repository.commit("main", "z", "more");
    expect(await source.seen()).toEqual(["main: more"]);
  });
});

describe("what a repository may hold", () => {
  const raw =
    (header: string, message: string, encoding: BufferEncoding = "latin1") =>
    async () => {
      const tree = await repository.git("rev-parse", "main^{tree}");
      const parent = await repository.git("rev-parse", "main");
      return Buffer.from(`tree ${tree}\nparent ${parent}\n${header}\n\n${message}`, encoding);
    };
  const polled = async (body: () => Promise<Buffer>, options: object = {}) => {
    await repository.commit("main", "a", "base");
    const source = poller(options);
    await source.poll();
    await repository.rawCommit("main", await body());
    return (await source.poll()).changes[0];
  };
  const COMMITTER = "committer C <c@x> 1700000000 +0000";

  it("an author in Latin-1, said and unsaid", async () => {
    const said = await polled(
      raw(`author J\xf6rg <j@x> 1700000000 +0000\n${COMMITTER}\nencoding ISO-8859-1`, "gr\xfcn"),
    );
    expect(said).toMatchObject({ author: "Jörg <j@x>", comments: "grün" });
    const unsaid = raw(`author J\xf6rg <j@x> 1700000000 +0000\n${COMMITTER}`, "gr\xfcn");
    expect(await polled(unsaid)).toMatchObject({ author: "J\ufffdrg <j@x>" });
    expect(await polled(unsaid, { encoding: "latin1" })).toMatchObject({ author: "Jörg <j@x>" });
  });

  it("an author without a name, a time that is none, no message", async () => {
    expect(
      await polled(raw("author  <> 1 +0000\ncommitter <> 99999999999999999 +0000", "")),
    ).toMatchObject({ author: "<>", comments: "", when: NOW });
  });

  it("lines in a message that look like headers, and null bytes", async () => {
    const change = await polled(
      raw(`author A <a@x> 1700000000 +0000\n${COMMITTER}`, "x\n\nparent 000\nauthor Eve\0 <e@x>"),
    );
    expect(change).toMatchObject({
      author: "A <a@x>",
      comments: "x\n\nparent 000\nauthor Eve\0 <e@x>",
    });
  });

  it("names of files with line breaks, colons, quotes and bytes that are no text", async () => {
    await repository.commit("main", "a", "base");
    const source = poller();
    await source.poll();
    const names = ["two\nlines", ":100644 x", '"quoted"', "tab\there", "-dash", "d/ e"];
    for (const name of names) await repository.commit("main", name, "x");
    const { changes } = await source.poll();
    expect(changes.map(({ files }) => files)).toEqual(names.map((name) => [name]));
  });

  it("nothing at all; then its first commit", async () => {
    const source = poller();
    expect(await source.poll()).toMatchObject({ changes: [], note: "the repository is empty" });
    await repository.commit("main", "a", "first");
    expect(await source.seen()).toEqual(["main: first"]);
  });
});

describe("the copy", () => {
  const copy = () => join(directory, "repository.git");

  it("that is lost or spoilt is made anew, and nothing is seen twice or missed", async () => {
    await repository.commit("main", "a", "base");
    const source = poller();
    await source.poll();
    await rm(copy(), { recursive: true });
    await repository.commit("main", "b", "one");
    expect(await source.seen()).toEqual(["main: one"]);
    await rm(join(copy(), "objects"), { recursive: true });
    await mkdir(join(copy(), "objects"));
    await repository.commit("main", "c", "two");
    expect(await source.seen()).toEqual(["main: two"]);
    await writeFile(join(copy(), "HEAD"), "rubbish");
    await repository.commit("main", "d", "three");
    expect(await source.seen()).toEqual(["main: three"]);
  });

  it("of another address is not compared with the first", async () => {
    await repository.commit("main", "a", "base");
    const other = await createGitRepository();
    await other.commit("main", "x", "other's");
    const { cursor } = await poller().poll();
    expect((await poller({ repourl: other.path }).poll({ cursor })).changes).toEqual([]);
    await other.close();
  });

  it("leaves no keys behind", async () => {
    await repository.commit("main", "a");
    await poller({ sshPrivateKey: "key", sshHostKey: "ssh-ed25519 AAAA" }).poll();
    expect(await readdir(directory)).toEqual(["repository.git"]);
  });
});

describe("what cannot be read says why", () => {
  const problem = (options: object, more: object = {}, limits?: Limits) =>
    poller(options, limits)
      .poll(more)
      .then(
        () => "nothing",
        (error: Error) => `${error.name}: ${error.message}`,
      );
  let server: Server | undefined;
  afterEach(() => server?.close());
  const serve = async (answer: Parameters<typeof createServer>[1]) => {
    server = createServer({}, answer);
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.git`;
  };

  it("no repository", async () => {
    expect(await problem({ repourl: "/nowhere/at/all.git" })).toBe(
      "SourceProblem: there is no repository at this address",
    );
    const url = await serve((_, response) => response.writeHead(404).end());
    expect(await problem({ repourl: url })).toMatch("there is no repository at this address");
  });

  it("a password that is asked for, or is wrong", async () => {
    const asked: (string | undefined)[] = [];
    const url = await serve(({ headers }, response) => {
      asked.push(headers.authorization);
      response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
    });
    expect(await problem({ repourl: url })).toMatch("set auth_credentials");
    const said = await problem({ repourl: url, auth_credentials: ["ada", "pass'word $x"] });
    expect(said).toMatch("does not accept the user and password");
    expect(said).not.toContain("pass'word");
    expect(asked).toContain(`Basic ${Buffer.from("ada:pass'word $x").toString("base64")}`);
  });

  it("a redirection, which is not followed", async () => {
    const url = await serve(({ url: path }, response) => {
      response.writeHead(301, { location: `http://127.0.0.1:1/moved${path}` }).end();
    });
    expect(await problem({ repourl: url })).toMatch(/redirects/);
  });

  it("a host that does not answer, or is none", async () => {
    expect(await problem({ repourl: "http://127.0.0.1:1/a.git" })).toMatch("does not answer");
    expect(await problem({ repourl: "http://nowhere.invalid/a.git" })).toMatch(/there is no host/);
  });

  it("what never ends, what is too large", async () => {
    const url = await serve(() => {});
    expect(await problem({ repourl: url }, { stop: AbortSignal.timeout(300) })).toBe(
      "SourceProblem: it took too long",
    );
    await repository.commit("main", "a");
    expect(await problem({}, {}, { outputBytes: 10, diskBytes: 1e9 })).toBe(
      "SourceProblem: the repository says more than we can hold",
    );
  });

  it("an address that a hosted installation does not serve", async () => {
    expect(await problem({}, { isHosted: true })).toMatch("the server's own host");
    expect(
      await problem({ repourl: "http://localhost.example.org/a" }, { isHosted: true }),
    ).toMatch(/there is no host|own network/);
  });
});
