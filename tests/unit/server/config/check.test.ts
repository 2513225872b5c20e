// Guarantees: every mistake in a configuration file is reported with its place, in words that help,
// and nothing that could not be stored or run passes (C-002, W-002, W-003).
import { describe, expect, it, test } from "vitest";
import { checkConfig } from "../../../../server/config";

const GOOD = `
workers:
  - {type: Worker, name: bot-linux, password: linuxpassword, max_builds: 2, properties: {os: linux}}
  - {type: LocalWorker, name: local}
properties: {site: main}
projects:
  pyflakes:
    description: Lint
    builders:
      - name: runtests
        workernames: [bot-linux, local]
        tags: [unit]
        env: {CI: "1"}
        factory:
          - {type: ShellCommand, name: test, command: [python3, -m, unittest], haltOnFailure: true}
`;

const sentences = (text: string, options = {}) =>
  checkConfig(text, options).errors.map(
    ({ path, line, column, message }) => `${line}:${column} ${path}: ${message}`,
  );

const withBuilder = (lines: string) => `workers: [{type: LocalWorker, name: local}]
projects:
  p:
    builders:
${lines.replaceAll(/^/gm, "      ")}`;

const withTriggers = (lines: string) =>
  `${withBuilder("- {name: b, workername: local, factory: []}")}\n${lines.replaceAll(/^/gm, "    ")}`;

const withScheduler = (options: string) =>
  withTriggers(
    `schedulers: [{type: SingleBranchScheduler, name: s, builderNames: [b], ${options}}]`,
  );

const withForce = (options: string) =>
  withTriggers(`schedulers: [{type: ForceScheduler, name: s, builderNames: [b], ${options}}]`);

const withPoller = (options: string) =>
  withTriggers(`change_source: {type: GitPoller, ${options}}`);

const withStep = (step: string) =>
  withBuilder(`- {name: b, workername: local, factory: [${step}]}`);

describe("a file that is right", () => {
  it("has no errors and gives its documents", () => {
    const { errors, documents } = checkConfig(GOOD);
    expect(errors).toEqual([]);
    expect(documents?.organization?.workers?.map(({ name }) => name)).toEqual([
      "bot-linux",
      "local",
    ]);
    expect(documents?.projects.pyflakes?.builders?.[0]?.factory).toHaveLength(1);
  });

  it("may hold values that are known only when a step runs", () => {
    const step = `{type: ShellCommand, command: [make, {type: Property, key: target}, "%(prop:x)s"],
      timeout: {type: Property, key: t, default: 60}, doStepIf: "%(src::branch:~)s"}`;
    expect(sentences(withStep(step))).toEqual([]);
  });

  it("may be JSON", () => {
    const text = JSON.stringify({ projects: { p: { description: "d" } } });
    expect(checkConfig(text)).toMatchObject({
      errors: [],
      documents: { organization: null, projects: { p: { description: "d" } } },
    });
  });

  it("may leave workers to the documents that are active already", () => {
    const text = "projects: {p: {builders: [{name: b, workername: elsewhere, factory: []}]}}";
    expect(sentences(text)).toEqual([]);
  });
});

describe("mistakes", () => {
  const table: [what: string, text: string, expected: RegExp][] = [
    [
      "an unknown key",
      "wrokers: []",
      /^1:1 wrokers: unknown key "wrokers": did you mean "workers"\?$/,
    ],
    [
      "an option that comes later",
      "services: []",
      /^1:1 services: "services" is not supported yet$/,
    ],
    [
      "an unknown builder option",
      withBuilder("- {name: b, workername: local, factory: [], tag: [x]}"),
      /unknown key "tag": did you mean "tags"\?/,
    ],
    [
      "a builder option that comes later",
      withBuilder("- {name: b, workername: local, factory: [], nextBuild: x}"),
      /"nextBuild" is not supported yet/,
    ],
    [
      "an unknown step",
      withStep("{type: ShelCommand, command: x}"),
      /unknown step type "ShelCommand": did you mean "ShellCommand"\?/,
    ],
    [
      "a step that comes later",
      withStep("{type: MasterShellCommand, command: x}"),
      /"MasterShellCommand" is not supported yet/,
    ],
    [
      "an unknown step option",
      withStep("{type: ShellCommand, command: x, haltOnFailur: true}"),
      /did you mean "haltOnFailure"\?/,
    ],
    ["a missing command", withStep("{type: ShellCommand}"), /factory\[0\]\.command: is missing/],
    [
      "a number in env",
      withBuilder("- {name: b, workername: local, factory: [], env: {CI: 1}}"),
      /env\.CI: must be text \(write numbers in quotes\)/,
    ],
    [
      "a worker type that comes later",
      "workers: [{type: KubeLatentWorker, name: d}]",
      /"KubeLatentWorker" is not supported yet/,
    ],
    [
      "an address that is none",
      "workers:\n  - name: w\n    type: Worker\n    password: x\n    notify_on_missing: [ops@example.org, 'a@b\\r\\nBcc: c']",
      /^5:42 workers\[0\]\.notify_on_missing\[1\]: is not an e-mail address/,
    ],
    [
      "an address alone that is none",
      "workers: [{type: Worker, name: w, password: x, notify_on_missing: nobody}]",
      /notify_on_missing: is not an e-mail address: write name@example\.org/,
    ],
    [
      "a time below nothing",
      "workers: [{type: Worker, name: w, password: x, missing_timeout: -1}]",
      /missing_timeout: must be a number of seconds; 0: it never counts as missing/,
    ],
    [
      "a reporter that comes later",
      "reporters: [{type: GitHubStatusPush}]",
      /reporters\[0\]\.type: reporter type "GitHubStatusPush" is not supported yet/,
    ],
    [
      "an option of mails that comes later",
      "reporters: [{type: MailNotifier, fromaddr: a@example.org, builders: [], mode: failing}]",
      /reporters\[0\]\.mode: "mode" is not supported yet/,
    ],
    [
      "mails about builds",
      "reporters: [{type: MailNotifier, fromaddr: a@example.org, builders: [x]}]",
      /reporters\[0\]\.builders: must be \[\]: mails about builds are not supported yet/,
    ],
    [
      "a sender with two lines",
      'reporters: [{type: MailNotifier, fromaddr: "A\\nB <a@example.org>", builders: []}]',
      /fromaddr: is not an e-mail address/,
    ],
    [
      "a mail notifier for a worker that is not there",
      "workers: [{type: Worker, name: w1, password: x}]\nreporters: [{type: MailNotifier, fromaddr: a@example.org, builders: [], workers: [w2]}]",
      /^2:\d+ reporters\[0\]\.workers\[0\]: there is no worker "w2": did you mean "w1"\?/,
    ],
    [
      "two reporters of one name",
      "reporters: [{type: MailNotifier, fromaddr: a@example.org, builders: []}, {type: MailNotifier, fromaddr: b@example.org, builders: []}]",
      /reporters\[1\]: another reporter is called "MailNotifier"/,
    ],
    [
      "a worker without a password",
      "workers: [{type: Worker, name: w}]",
      /workers\[0\]\.password: /,
    ],
    [
      "a numeric password",
      "workers: [{type: Worker, name: w, password: 123}]",
      /write numbers in quotes/,
    ],
    [
      "a dot in a worker's name",
      "workers: [{type: Worker, name: a.b, password: p}]",
      /is not a worker name/,
    ],
    [
      "a digit first in a worker's name",
      "workers: [{type: Worker, name: 1a, password: p}]",
      /is not a worker name/,
    ],
    [
      "a keepalive of no seconds",
      "workers: [{type: Worker, name: w, password: p, keepalive_interval: 0}]",
      /^1:68 workers\[0\]\.keepalive_interval: must be a whole number of seconds from 1 to 2000000, or null/,
    ],
    [
      "a keepalive in words",
      "workers: [{type: LocalWorker, name: w, keepalive_interval: often}]",
      /keepalive_interval: must be a number, not string "often"/,
    ],
    [
      "an address that is none",
      "workers: [{type: Worker, name: w, password: p, allowed_addresses: [10.0.0.0/8, build.example.org]}]",
      /allowed_addresses\[1\]: is not an IP address, nor a range/,
    ],
    [
      "no address at all",
      "workers: [{type: Worker, name: w, password: p, allowed_addresses: []}]",
      /allowed_addresses: must name an address or a range/,
    ],
    [
      "one address that is no list",
      "workers: [{type: Worker, name: w, password: p, allowed_addresses: 10.0.0.1}]",
      /allowed_addresses: must be a list, not string/,
    ],
    [
      "addresses for a worker of this host",
      "workers: [{type: LocalWorker, name: w, allowed_addresses: [10.0.0.1]}]",
      /unknown key "allowed_addresses"/,
    ],
    [
      "a space in a worker's name",
      'workers: [{type: Worker, name: "a b", password: p}]',
      /is not a worker name/,
    ],
    [
      "a worker's name of 51 characters",
      `workers: [{type: Worker, name: ${"a".repeat(51)}, password: p}]`,
      /is not a worker name/,
    ],
    [
      "a reserved worker's name",
      "workers: [{type: Worker, name: change, password: p}]",
      /is a reserved name/,
    ],
    [
      "max_builds of nothing",
      "workers: [{type: Worker, name: w, password: p, max_builds: 0}]",
      /max_builds/,
    ],
    [
      "max_builds that no column holds",
      "workers: [{type: Worker, name: w, password: p, max_builds: 3000000000}]",
      /max_builds/,
    ],
    [
      "two workers of one name",
      "workers: [{type: LocalWorker, name: w}, {type: LocalWorker, name: w}]",
      /workers\[1\]\.name: there is another worker "w"/,
    ],
    [
      "a worker that does not exist",
      withBuilder("- {name: b, workernames: [locale], factory: []}"),
      /workernames\[0\]: there is no worker "locale": did you mean "local"\?/,
    ],
    ["no worker at all", withBuilder("- {name: b, factory: []}"), /needs at least one worker/],
    [
      "two builders of one name",
      withBuilder(
        "- {name: b, workername: local, factory: []}\n- {name: b, workername: local, factory: []}",
      ),
      /there is another builder "b"/,
    ],
    [
      "a directory of another builder",
      withBuilder(
        "- {name: a b, workername: local, factory: []}\n- {name: a/b, workername: local, factory: []}",
      ),
      /belongs to builder "a b"/,
    ],
    [
      "a directory outside",
      withBuilder("- {name: b, workername: local, builddir: ../x, factory: []}"),
      /must be a relative path/,
    ],
    [
      "a template that is none",
      withStep('{type: ShellCommand, command: "make %(porp:x)s"}'),
      /^5:\d+ .*factory\[0\]\.command: template, at "porp:x\)s": unknown selector "porp"/,
    ],
    [
      "a template in the environment",
      withBuilder('- {name: b, workername: local, env: {A: "%(prop:x"}, factory: []}'),
      /builders\[0\]\.env\.A: template, .* never closed/,
    ],
    [
      "a renderable where a plain value must stand",
      withStep("{type: ShellCommand, command: a, alwaysRun: {type: Property, key: x}}"),
      /alwaysRun: must be true or false/,
    ],
    [
      "an unknown scheduler",
      withTriggers("schedulers: [{type: SingelBranchScheduler, name: s, builderNames: [b]}]"),
      /unknown scheduler type "SingelBranchScheduler": did you mean "SingleBranchScheduler"\?/,
    ],
    [
      "a scheduler that comes later",
      withTriggers("schedulers: [{type: Nightly, name: s, builderNames: [b]}]"),
      /^6:25 .*scheduler type "Nightly" is not supported yet/,
    ],
    [
      "an unknown option of a scheduler",
      withScheduler("treeStableTime: 5"),
      /schedulers\[0\]\.treeStableTime: .* did you mean "treeStableTimer"\?/,
    ],
    [
      "a builder that does not exist",
      withTriggers("schedulers: [{type: AnyBranchScheduler, name: s, builderNames: [c]}]"),
      /^6:69 projects\.p\.schedulers\[0\]\.builderNames\[0\]: there is no builder "c"/,
    ],
    [
      "two schedulers of one name",
      withTriggers("schedulers:\n- &a {type: ForceScheduler, name: s, builderNames: [b]}\n- *a"),
      /schedulers\[1\]\.name: there is another scheduler "s"/,
    ],
    [
      "a pattern that looks ahead",
      withScheduler('change_filter: {branch_re: "(?!x)"}'),
      /change_filter\.branch_re: is not a pattern we can run: looking ahead/,
    ],
    [
      "a filter that is code",
      withScheduler("change_filter: {filter_fn: x}"),
      /"filter_fn" would be a program/,
    ],
    [
      "a template that is none, in a scheduler",
      withScheduler('reason: "by %(prop:who"'),
      /schedulers\[0\]\.reason: template, at /,
    ],
    [
      "a glob that is none",
      withScheduler('fileIsImportant: {include: ["a{b"]}'),
      /fileIsImportant\.include\[0\]: has a \{ without its \}/,
    ],
    [
      "a codebase that the project does not have",
      `${withScheduler("codebases: [lib]")}\n    codebases: [app]`,
      /codebases\[0\]: project has no codebase "lib"/,
    ],
    [
      "a parameter of a class we do not know, deep inside",
      withForce(
        "properties: [{type: NestedParameter, name: n, fields: [{type: Strings, name: x}]}]",
      ),
      /properties\[0\]\.fields\[0\]\.type: is none of FixedParameter, StringParameter/,
    ],
    [
      "a parameter with an unknown option",
      withForce("properties: [{type: IntParameter, name: x, colour: red}]"),
      /properties\[0\]\.colour: unknown key "colour"/,
    ],
    [
      "a codebase of a form that the project does not have",
      `${withForce("codebases: [{type: CodebaseParameter, codebase: lib}]")}\n    codebases: [app]`,
      /codebases\[0\]: project has no codebase "lib"/,
    ],
    [
      "a choice of the worker that the builder does not obey",
      withForce("properties: [{type: WorkerChoiceParameter}]"),
      /builderNames\[0\]: builder "b" needs canStartBuild: enforceChosenWorker/,
    ],
    [
      "another rule of who may build",
      withBuilder("- {name: b, workername: local, canStartBuild: mine, factory: []}"),
      /canStartBuild: must be enforceChosenWorker/,
    ],
    [
      "a validation that is no pattern",
      'validation: {branch: "(?!x)"}',
      /^1:22 validation\.branch: .*looking ahead/,
    ],
    ["a validation of something else", "validation: {brunch: x}", /did you mean "branch"/],
    ["a repository that runs a program", withPoller("repourl: 'ext::sh'"), /must not name a git/],
    ["a repository that is an option", withPoller("repourl: --upload-pack=x"), /begin with a dash/],
    ["a scheme that git asks a helper for", withPoller("repourl: 's3://b/x'"), /must begin with/],
    [
      "a password in an address",
      withPoller("repourl: 'https://a:b@example.org/x'"),
      /must not hold a password: use auth_credentials/,
    ],
    [
      "a source twice",
      withTriggers("change_source: [&a {type: GitPoller, repourl: /srv/x.git}, *a]"),
      /change_source\[1\]: there is another change source "\/srv\/x.git"/,
    ],
    [
      "a source that comes later",
      withTriggers("change_source: {type: HgPoller, repourl: x}"),
      /change source type "HgPoller" is not supported yet/,
    ],
    [
      "tags and branches",
      withPoller("repourl: /srv/x.git, only_tags: true, branches: [a]"),
      /change_source\.only_tags: follows all tags/,
    ],
    [
      "a null byte in a name",
      'projects: {p: {builders: [{name: "a\\0b", workername: w, factory: []}]}}',
      /must not contain a null byte/,
    ],
    [
      "a control character in a name",
      'projects: {p: {builders: [{name: "a\\u0007b", workername: w, factory: []}]}}',
      /control or invisible/,
    ],
    [
      "a null byte in a property",
      'properties: {a: "x\\0"}',
      /properties\.a: must not contain a null byte/,
    ],
    ["half a surrogate pair", '{"properties": {"a": "\\ud800"}}', /is not valid Unicode/],
    ["a property name with a space", "properties: {a b: 1}", /is not a property name/],
    ["a prototype", '{"properties": {"__proto__": 1}}', /is not a usable name/],
    ["a number without end", "properties: {a: .inf}", /finite/],
    ["YAML that does not parse", "workers: [", /^1:/],
    ["a key twice", "properties: {}\nproperties: {}", /^2:1 /],
    ["two YAML documents", "properties: {}\n---\nproperties: {}", /several YAML documents/],
    ["text", "hello", /must be a map/],
    ["nothing", "", /./],
  ];
  it.each(table)("%s", (_, text, expected) => {
    expect(sentences(text).join("\n")).toMatch(expected);
    expect(checkConfig(text).documents).toBeNull();
  });

  it("are all reported, in the order of the file", () => {
    const text = `workers:
  - {type: Worker, name: a.b, password: 5, maxbuilds: 3}
projekts: {}
projects:
  p:
    builders:
      - {name: b, workername: nobody, factory: [{type: ShellCommand, command: 5, hallt: true}]}`;
    const lines = checkConfig(text).errors.map(({ line }) => line);
    expect(lines.length).toBeGreaterThanOrEqual(6);
    expect(lines).toEqual([...lines].sort((a, b) => a - b));
  });

  it("of aliases that unfold without end do not unfold", () => {
    const bomb = ["a: &a [x,x,x,x,x,x,x,x,x]"];
    for (let i = 1; i < 9; i += 1) {
      const before = String.fromCharCode(96 + i);
      const here = String.fromCharCode(97 + i);
      bomb.push(`${here}: &${here} [${Array(9).fill(`*${before}`).join(",")}]`);
    }
    expect(sentences(bomb.join("\n")).join()).toMatch(/alias/i);
  });
});

describe("directories of local workers", () => {
  const local = (...options: string[]) =>
    sentences(`workers: [${options.map((one) => `{type: LocalWorker, ${one}}`).join(", ")}]`);

  it("may be anywhere, and are one worker's alone", () => {
    expect(local("name: a", "name: b, workdir: deep/er", "name: c, workdir: /srv/c")).toEqual([]);
    expect(local("name: a", "name: b, workdir: a/b").join()).toContain(
      'workers[1].workdir: the directory of worker "b" lies in that of "a", or holds it',
    );
    expect(local("name: a, workdir: b", "name: b").join()).toContain("workers[1].name");
    expect(local("name: ab", "name: a", "name: c, workdir: abc")).toEqual([]);
  });

  it.each(["../elsewhere", "/srv/../etc", "a/./b", '""', '"a\\u0000b"'])(
    "are not %s",
    (workdir) => {
      expect(local(`name: a, workdir: ${workdir}`)).not.toEqual([]);
    },
  );
});

test.each([
  ["workers: [{type: Worker}]", /workers\[0\]\.name: is missing/],
  ["workers: [7]\nlocks: [7]\nreporters: [7, {fromaddr: x}]", /reporters\[0\]: must be a map/],
  ["reporters: [{type: MailNotifier, workers: {a: 1}}]", /workers: must be "all" or a list/],
  ["reporters: 7", /reporters: must be a list/],
])("what is misshapen is told of, and in nobody's way: %s", (text, expected) => {
  expect(sentences(text).join("\n")).toMatch(expected);
});

describe("a hosted installation", () => {
  it.each(["localhost", "10.1.2.3", "mail", "mail.internal", "[::1]"])(
    "does not speak to the mail server %s of its own network",
    (relayhost) => {
      const text = `reporters: [{type: MailNotifier, fromaddr: a@example.org, builders: [], relayhost: "${relayhost}"}]`;
      expect(sentences(text)).toEqual([]);
      expect(sentences(text, { isHosted: true }).join()).toMatch(
        /^1:\d+ reporters\[0\]\.relayhost: is in the server's own network/,
      );
    },
  );

  it("has no mail server of its own to lend, but takes one of the internet", () => {
    const text = "reporters: [{type: MailNotifier, fromaddr: a@example.org, builders: []}]";
    expect(sentences(text, { isHosted: true }).join()).toMatch(/relayhost is localhost/);
    const good = text.replace("builders", "relayhost: mail.example.org, builders");
    expect(sentences(good, { isHosted: true })).toEqual([]);
  });

  it("refuses workers on its own host", () => {
    const text = "workers: [{type: LocalWorker, name: local}]";
    expect(sentences(text)).toEqual([]);
    expect(sentences(text, { isHosted: true }).join()).toMatch(/the server's own host/);
  });

  it.each(["/srv/x.git", "file:///x.git", "http://127.0.0.1/x", "git@build:x.git"])(
    "refuses to poll %s",
    (repourl) => {
      const text = `projects: {p: {change_source: {type: GitPoller, repourl: "${repourl}"}}}`;
      expect(sentences(text)).toEqual([]);
      expect(sentences(text, { isHosted: true }).join()).toMatch(
        /change_source\.repourl: is .* own/,
      );
    },
  );

  it("polls what is outside", () => {
    const text =
      'projects: {p: {change_source: {type: GitPoller, repourl: "https://a.example/x"}}}';
    expect(sentences(text, { isHosted: true })).toEqual([]);
  });
});
