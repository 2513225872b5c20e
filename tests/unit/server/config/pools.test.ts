// Guarantees: a pool is checked as its workers would be, with places in the file; its names stand in
// nobody's way, builders ask for what there is, and options that mean nothing are said to (K-030, C-002).
import { expect, test } from "vitest";
import { checkConfig } from "../../../../server/config";
import { poolsOf } from "../../../../server/config/pool-schema";

const file = (pools: string, builder = "pools: [linux]", workers = "[]") => `
locks: [{type: MasterLock, name: db}]
workers: ${workers}
pools:
${pools.replaceAll(/^/gm, "  ")}
projects: {p: {builders: [{name: b, ${builder}, factory: [{type: ShellCommand, command: x}]}]}}`;

const problems = (...given: Parameters<typeof file>) =>
  checkConfig(file(...given)).errors.map(({ path, message }) => `${path}: ${message}`);

const LINUX =
  "- {name: linux, worker: {type: LocalLatentWorker}, maxWorkers: 5, minIdle: 1, idleTimeout: 0, labels: [rust, x86]}";

test("a pool with everything, and builders by name or by labels", () => {
  const whole = `- name: linux
  worker: {type: LocalLatentWorker, locks: [db], missing_timeout: 60}
  minIdle: 1
  maxWorkers: 10000
  maxBuildsPerWorker: 4
  idleTimeout: 60
  maxLifetime: 86400
  maxBuildsPerInstance: 100
  scaleUpRate: 30
  budget: {hours: 100, per: month}
  labels: [rust]`;
  expect(problems(whole)).toEqual([]);
  expect(problems(LINUX, "labels: [x86, rust]")).toEqual([]);
  expect(
    problems(LINUX, "workernames: [w], pools: [linux]", "[{type: LocalWorker, name: w}]"),
  ).toEqual([]);
  expect(problems("- {name: k8s, worker: {type: Worker}, minIdle: 2}", "pools: [k8s]")).toEqual([]);
});

test.each<[string, Parameters<typeof file>, string]>([
  [
    "an unknown option",
    ["- {name: linux, worker: {type: LocalLatentWorker}, maxworkers: 3}"],
    "maxWorkers",
  ],
  [
    "a name for its workers",
    ["- {name: linux, worker: {type: LocalLatentWorker, name: x}}"],
    '"name" does not belong here: the pool names its workers',
  ],
  [
    "max_builds",
    ["- {name: linux, worker: {type: LocalLatentWorker, max_builds: 2}}"],
    "maxBuildsPerWorker",
  ],
  ["a template that is none", ["- {name: linux, worker: {type: LocalWorker}}"], "type"],
  [
    "a slip in the template",
    ["- {name: linux, worker: {type: LocalLatentWorker, missing_timeot: 1}}"],
    "missing_timeout",
  ],
  ["two of one name", [`${LINUX}\n${LINUX}`], 'there is another pool "linux"'],
  [
    "a worker in its way",
    [LINUX, "pools: [linux]", "[{type: LocalWorker, name: linux-7}]"],
    'worker "linux-7" has a name that this pool gives to its own workers',
  ],
  ["an unknown pool", [LINUX, "pools: [linx]"], 'there is no pool "linx": did you mean "linux"?'],
  [
    "labels that no pool has",
    [LINUX, "labels: [rust, arm]"],
    'no pool has the labels "rust" and "arm"',
  ],
  [
    "nothing to run on",
    [LINUX, "tags: [x]"],
    "needs at least one worker in workernames, or a pool in pools",
  ],
  [
    "more idle than may be",
    ["- {name: linux, worker: {type: LocalLatentWorker}, minIdle: 11}"],
    "maxWorkers: 10",
  ],
  [
    "a lock that is none",
    ["- {name: linux, worker: {type: LocalLatentWorker, locks: [dbs]}}"],
    'did you mean "db"?',
  ],
  [
    "what means nothing where others make the machines",
    ["- {name: linux, worker: {type: Worker}, idleTimeout: 5}"],
    '"idleTimeout" is for machines that Slipway makes',
  ],
])("%s", (_, given, message) => {
  const said = problems(...given);
  expect(said).toHaveLength(1);
  expect(said[0]).toContain(message);
});

test("a hosted installation lends its own host to nobody, by a pool neither", () => {
  const { errors } = checkConfig(file(LINUX), { isHosted: true });
  expect(errors.map(({ message }) => message).join()).toContain("runs on the server's own host");
});

test("pools of a builder: those it names first, each once", () => {
  const pools = [{ name: "a", labels: ["x", "y"] }, { name: "b", labels: ["x"] }, { name: "c" }];
  const names = (builder: Parameters<typeof poolsOf>[0]) =>
    poolsOf(builder, pools).map(({ name }) => name);
  expect(names({ pools: ["c", "b"], labels: ["x"] })).toEqual(["c", "b", "a"]);
  expect(names({ labels: ["x", "y"] })).toEqual(["a"]);
  expect(names({})).toEqual([]);
});

test("labels that are no list are told of, and keep nothing else from being told", () => {
  for (const wrong of ["", "5", "rust", "{a: 1}"]) {
    const pool = `- {name: linux, worker: {type: LocalLatentWorker}, labels: ${wrong}}`;
    const { errors } = checkConfig(file(pool, "labels: [rust]"));
    expect(errors.map(({ path }) => path)).toContain("pools[0].labels");
    expect(errors.map(({ message }) => message).join()).toContain("no pool has the label");
  }
});
