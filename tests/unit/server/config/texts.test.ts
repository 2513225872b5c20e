// Guarantees: what a person wrote survives: comments, order and layout, through splitting, joining and
// the changes that programs make; a hidden value stays nowhere in the text.
import { describe, expect, it } from "vitest";
import { checkConfig } from "../../../../server/config";
import { rewriteText } from "../../../../server/config/rewrite-text";
import { joinTexts } from "../../../../server/config/split-text";
import { prepare } from "../../../../server/config/take-out";

const FILE = `# head
workers:
  # the big one
  - {type: Worker, name: a, password: hunter22} # trailing, hunter22
properties: {site: main}

# about projects
projects:
  demo:   # inline
    description: |
      two
        lines

    builders:
      - name: b   # b!
        workernames: [a]
        factory: []
  # of the second
  second: {description: x}
  third: {}
# the end
`;

const documents = (text: string) => {
  const { errors, documents } = checkConfig(text);
  if (!documents) throw new Error(JSON.stringify(errors));
  return documents;
};
const prepared = (text: string) => prepare(documents(text), () => "");

describe("a file of several documents", () => {
  it("is cut into the texts that were written, and put together again", () => {
    const { texts } = documents(FILE);
    expect(texts?.projects.demo).toBe(
      "# inline\ndescription: |\n  two\n    lines\n\nbuilders:\n  - name: b   # b!\n    workernames: [a]\n    factory: []\n",
    );
    expect(texts?.projects.second).toBe("# of the second\n{description: x}\n");
    expect(texts?.organization).toContain("# the big one");
    expect(texts?.organization).toContain("# the end");
    const joined = joinTexts(texts?.organization ?? "", Object.entries(texts?.projects ?? {}));
    expect(documents(joined).texts).toEqual(texts);
  });

  it("is written anew where it cannot be cut: JSON, aliases into another document", () => {
    expect(documents('{"projects": {"p": {"description": "d"}}}').texts?.projects.p).toBe(
      "description: d\n",
    );
    const text =
      "projects:\n  p:\n    description: &d hello\n  q:\n    # why\n    description: *d\n";
    expect(documents(text).texts?.projects.q).toBe("# why\ndescription: hello\n");
  });
});

describe("a literal password", () => {
  it("leaves the value, the text and its comments", () => {
    const [organization] = prepared(FILE);
    expect(organization?.secrets).toEqual([{ name: "worker/a/password", value: "hunter22" }]);
    expect(organization?.text).toContain(
      '  - {type: Worker, name: a, password: "%(secret:worker/a/password)s"} # trailing, ...',
    );
    expect(JSON.stringify(prepared(FILE))).not.toContain('"hunter22"},');
    expect(organization?.text).not.toContain("hunter22");
  });

  it("is found behind an anchor and in a block of lines", () => {
    const text =
      "workers:\n  - type: Worker\n    name: a\n    password: &p hunter22\n  - type: Worker\n    name: b\n    password: *p\n  - type: Worker\n    name: c\n    password: |-\n      two words\n    max_builds: 1\n";
    const [organization] = prepared(text);
    expect(organization?.text).not.toMatch(/hunter22|two words/);
    expect(organization?.text).toContain('password: "%(secret:worker/b/password)s"');
    expect(organization?.secrets.map(({ name }) => name)).toEqual([
      "worker/a/password",
      "worker/b/password",
      "worker/c/password",
    ]);
  });
});

describe("keys and passwords of Git", () => {
  it("leave steps and change sources for the store", () => {
    const text = `projects:
  lib:
    change_source: {type: GitPoller, repourl: "https://git.example.org/lib.git", auth_credentials: [reader, pollword]}
    builders:
      - name: b
        workername: a
        factory:
          - {type: Git, repourl: "https://git.example.org/lib.git", auth_credentials: [reader, stepword]}
          - type: Git
            repourl: git@git.example.org:lib.git
            sshPrivateKey: |
              -----BEGIN KEY-----
              c2VjcmV0
              -----END KEY-----
workers: [{type: LocalWorker, name: a}]
`;
    const all = JSON.stringify(prepared(text).map(({ text: left, document }) => [left, document]));
    expect(all).not.toMatch(/pollword|stepword|c2VjcmV0/);
    const [, project] = prepared(text);
    expect(project?.secrets.map(({ value }) => value)).toEqual(
      expect.arrayContaining(["pollword", "stepword"]),
    );
    expect(checkConfig(text.replace("stepword", '"%(secret:x)s"')).errors).toEqual([]);
  });
});

it("a program's change leaves the rest as it was", () => {
  const text =
    "# mine\nworkers:\n  - {type: LocalWorker, name: a} # one\nproperties: {site: main}\n";
  const value = {
    workers: [
      { type: "LocalWorker", name: "a" },
      { type: "LocalWorker", name: "b" },
    ],
    properties: { site: "main" },
  };
  const changed = rewriteText(text, value);
  expect(changed).toContain("# mine\nworkers:\n  - {type: LocalWorker, name: a} # one\n");
  expect(changed).toContain("name: b");
});

it("ten different mistakes are told of at once, each with its line", () => {
  const text = `wrokers: []
workers:
  - {type: Worker, name: a.b, password: 5}
  - {type: LocalWorker, name: twin}
  - {type: LocalWorker, name: twin}
projects:
  p:
    schedulers:
      - {type: AnyBranchScheduler, name: s, builderNames: [nobody], treeStableTimer: soon}
    builders:
      - {name: b, workernames: [ghost], factory: [{type: ShellCommand, command: x, haltOnFailur: true}]}
      - {name: b, workername: twin, factory: [{type: ShellCommand, command: "%(prop:)"}]}
      - {name: "nul\\0", workername: twin, tags: 7, factory: []}
`;
  const found = checkConfig(text).errors.map(({ line, message }) => `${line}: ${message}`);
  for (const expected of [
    /^1: unknown key "wrokers"/,
    /^3: is not a worker name/,
    /^3: must be text/,
    /^5: there is another worker "twin"/,
    /^9: there is no builder "nobody"/,
    /^9: must be .*number/,
    /^11: there is no worker "ghost"/,
    /^11: unknown key "haltOnFailur"/,
    /^12: there is another builder "b"/,
    /^12: .*/,
    /^13: must not contain a null byte/,
    /^13: must be a list/,
  ]) {
    expect(found).toContainEqual(expect.stringMatching(expected));
  }
});
