// Guarantees: every mistake about locks is told with its place before anything is activated: names, counts,
// what a build holds already, and builds that could wait for one another for ever (CORE §11, C-002).
import { expect, test } from "vitest";
import { checkConfig } from "../../../../server/config";

const file = (given: { locks?: string; worker?: string; builders?: string }) => `
locks: ${given.locks ?? "[{type: MasterLock, name: db}, {type: MasterLock, name: port}, {type: WorkerLock, name: cpu, maxCount: 2, maxCountForWorker: {w: 4}}]"}
workers:
  - {type: LocalWorker, name: w, locks: ${given.worker ?? "[]"}}
  - {type: LocalWorker, name: v}
projects:
  p:
    builders:
${(given.builders ?? "- {name: b, workernames: [w], factory: []}").replaceAll(/^/gm, "      ")}`;

const builder = (locks: string, step = "[]", name = "b", workers = "[w]") =>
  `- {name: ${name}, workernames: ${workers}, locks: ${locks}, factory: [{type: ShellCommand, command: x, locks: ${step}}]}`;

const problems = (given: Parameters<typeof file>[0]) =>
  checkConfig(file(given)).errors.map(({ path, message }) => `${path}: ${message}`);

test("accesses of every form are read", () => {
  const builders = builder("[db, {name: cpu, count: 4}]", "[{name: port, mode: exclusive}]");
  expect(problems({ builders, worker: "[{name: cpu, mode: counting, count: 0}]" })).toEqual([]);
});

const at = "projects.p.builders[0]";
test.each<[string, Parameters<typeof file>[0], string[]]>([
  [
    "a lock that is none",
    { builders: builder("[dbs]") },
    [`${at}.locks[0]: there is no lock "dbs": did you mean "db"?`],
  ],
  [
    "one on a worker",
    { worker: "[dab]" },
    ['workers[0].locks[0]: there is no lock "dab": did you mean "db"?'],
  ],
  [
    "one of a step",
    { builders: builder("[]", "[none]") },
    [`${at}.factory[0].locks[0]: there is no lock "none"`],
  ],
  [
    "a name twice",
    { locks: "[{type: MasterLock, name: db}, {type: WorkerLock, name: db}]" },
    ['locks[1].name: there is another lock "db"'],
  ],
  [
    "one lock twice in a list",
    { builders: builder("[db, {name: db, mode: exclusive}]") },
    [`${at}.locks[1]: names "db" twice`],
  ],
  [
    "more than there is",
    { builders: builder("[{name: cpu, count: 5}, {name: db, count: 2}]") },
    [
      `${at}.locks[0]: asks for 5 of "cpu", which has 4 at most`,
      `${at}.locks[1]: asks for 2 of "db", which has 1 at most`,
    ],
  ],
  [
    "a count that is exclusive",
    { builders: builder("[{name: db, mode: exclusive, count: 1}]") },
    [`${at}.locks[0].count: is for counting access: an exclusive one has the lock to itself`],
  ],
  [
    "a worker that is none",
    { locks: "[{type: WorkerLock, name: cpu, maxCountForWorker: {x: 2}}]" },
    ['locks[0].maxCountForWorker.x: there is no worker "x"'],
  ],
  [
    "a lock without a type",
    { locks: "[{name: db}]" },
    [
      "locks[0].type: must have a type: MasterLock, one for all workers, or WorkerLock, one on each",
    ],
  ],
  [
    "a step's lock that its build holds",
    { builders: builder("[db]", "[db]") },
    [`${at}.factory[0].locks[0]: the build holds "db" already, for its builder or its worker`],
  ],
  [
    "the same by its worker",
    { worker: "[cpu]", builders: builder("[]", "[cpu]") },
    [`${at}.factory[0].locks[0]: the build holds "cpu" already, for its builder or its worker`],
  ],
])("%s", (_, given, expected) => {
  expect(problems(given)).toEqual(expected);
});

test("builds that hold what the others' steps want are not let in, over several neither", () => {
  const crossed = [builder("[db]", "[port]", "a"), builder("[port]", "[db]", "b")].join("\n");
  expect(problems({ builders: crossed })).toEqual([
    `projects.p.builders[1].factory[0].locks: could wait for ever: its build holds "port" while the step wants "db", and builds of "a" the other way round`,
  ]);
  const round = [
    builder("[db]", "[port]", "a"),
    builder("[port]", "[cpu]", "b"),
    builder("[cpu]", "[db]", "c"),
  ].join("\n");
  expect(problems({ builders: round })).toEqual([expect.stringContaining('builds of "a", "b"')]);
  const straight = [builder("[db]", "[port]", "a"), builder("[db]", "[port, cpu]", "b")].join("\n");
  expect(problems({ builders: straight })).toEqual([]);
});

test("a project's document alone is not judged by locks it does not know", () => {
  const text = "projects: {p: {builders: [{name: b, workernames: [w], locks: [db], factory: []}]}}";
  expect(checkConfig(text).errors).toEqual([]);
});
