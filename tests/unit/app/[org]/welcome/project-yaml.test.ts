// Guarantee: the document that the set-up page offers is what was asked for, whatever is in names,
// addresses and commands, and holds no credential; suggestions follow what lies in the repository.
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import {
  commandsIn,
  type Draft,
  projectNameOf,
  projectYaml,
} from "../../../../../app/[org]/welcome/project-yaml";
import { suggestionsFor } from "../../../../../app/[org]/welcome/suggestions";
import { checkConfig } from "../../../../../server/config";

const draft = (more: Partial<Draft> = {}): Draft => ({
  project: "hull",
  repourl: "https://git.example.org/yard/hull.git",
  branch: "main",
  credentials: {},
  workers: ["linux-1"],
  commands: ["npm ci", "npm test"],
  ...more,
});

describe("the document", () => {
  it("polls, schedules, and builds what was asked for", () => {
    const { hull } = parse(projectYaml(draft())).projects;
    expect(hull.change_source).toEqual([
      {
        type: "GitPoller",
        repourl: "https://git.example.org/yard/hull.git",
        branches: ["main"],
        pollInterval: 60,
      },
    ]);
    expect(hull.schedulers.map(({ type }: { type: string }) => type)).toEqual([
      "SingleBranchScheduler",
      "ForceScheduler",
    ]);
    expect(hull.builders).toMatchObject([
      {
        name: "hull",
        workernames: ["linux-1"],
        factory: [
          { type: "Git", branch: "main" },
          { type: "ShellCommand", name: "npm ci", command: "npm ci", haltOnFailure: true },
          { type: "ShellCommand", name: "npm test", command: "npm test", haltOnFailure: true },
        ],
      },
    ]);
  });

  it.each([
    ["nothing", {}],
    ["a password", { username: "ada", password: "git/example.org/hull/password" }],
    ["a key", { sshPrivateKey: "git/example.org/hull/ssh-key" }],
  ])("is accepted as it stands, with %s", (_, credentials) => {
    const repourl = "sshPrivateKey" in credentials ? "git@example.org:yard/hull.git" : undefined;
    const text = projectYaml(draft({ credentials, ...(repourl ? { repourl } : {}) }));
    expect(checkConfig(text).errors).toEqual([]);
  });

  it.each(["true", "no", "1.0", "a: b # c", "- x", "{a}", "'q\" \\ \n\t", "größe", "null"])(
    "keeps the text %j",
    (odd) => {
      const text = projectYaml(
        draft({ project: odd, branch: odd, commands: [odd], workers: [odd] }),
      );
      const [[name, project]] = Object.entries<never>(parse(text).projects) as never as [
        [string, { builders: { workernames: string[]; factory: Record<string, string>[] }[] }],
      ];
      expect(name).toBe(odd);
      expect(project.builders[0]?.workernames).toEqual([odd]);
      expect(project.builders[0]?.factory[0]?.branch).toBe(odd);
      expect(project.builders[0]?.factory[1]?.command).toBe(odd);
    },
  );

  it("doubles a % that would begin a template, and tells alike steps apart", () => {
    const [builder] = parse(projectYaml(draft({ commands: ["date +%(x)s%%", "make", "make"] })))
      .projects.hull.builders;
    const steps: { name: string; command: string }[] = builder.factory.slice(1);
    expect(steps[0]?.command).toBe("date +%%(x)s%%%%");
    expect(new Set(steps.map(({ name }) => name)).size).toBe(3);
  });

  it("refers to credentials by their names", () => {
    const login = projectYaml(
      draft({ credentials: { username: "ada", password: "git/example.org/hull/password" } }),
    );
    const reference = "%(secret:git/example.org/hull/password)s";
    const { hull } = parse(login).projects;
    expect(hull.change_source[0].auth_credentials).toEqual(["ada", reference]);
    expect(hull.builders[0].factory[0].auth_credentials).toEqual(["ada", reference]);
    const key = parse(projectYaml(draft({ credentials: { sshPrivateKey: "git/h/ssh-key" } })));
    expect(key.projects.hull.change_source[0].sshPrivateKey).toBe("%(secret:git/h/ssh-key)s");
  });
});

it.each([
  ["https://git.example.org/yard/hull.git", "hull"],
  ["git@example.org:yard/hull.git/", "hull"],
  ["/srv/git/größe", "gr--e"],
  ["https://x.example/.git", "project"],
])("names the project of %s", (url, name) => {
  expect(projectNameOf(url)).toBe(name);
});

it("takes one command a line", () => {
  expect(commandsIn("make\n\n  # not this\n make test \n")).toEqual(["make", "make test"]);
});

it.each([
  [["package.json", "package-lock.json"], "Node.js", ["npm ci", "npm test"]],
  [["package.json", "yarn.lock"], "Node.js", ["yarn install --frozen-lockfile", "yarn test"]],
  [["Cargo.toml"], "Rust", ["cargo build", "cargo test"]],
  [["pyproject.toml", "conftest.py"], "Python", ["python3 -m pytest"]],
  [["Makefile"], "Make", ["make", "make test"]],
])("suggests for %j what %s runs", (files, title, commands) => {
  expect(suggestionsFor(files)).toEqual([{ title, commands }]);
});

it("suggests nothing for what it does not know", () => {
  expect(suggestionsFor(["a name\nwith package.json in it", "README"])).toEqual([]);
});
