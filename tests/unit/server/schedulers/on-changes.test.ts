// Guarantees of SingleBranchScheduler and AnyBranchScheduler, as pure functions: what they accept,
// when they fire, what they build, and that nothing accepted is forgotten (CORE §8, B7).
import { describe, expect, it } from "vitest";
import { newChange, type StoredChange } from "../../../../server/domain/changes";
import type { ChangeId } from "../../../../server/domain/ids";
import { makeScheduler } from "../../../../server/schedulers";
import type { Classified, Decision } from "../../../../server/schedulers/contract";

let lastId = 0;
const nextId = () => {
  lastId += 1;
  return lastId as ChangeId;
};
const change = (given: Partial<StoredChange> = {}): StoredChange => ({
  ...newChange({
    author: "ada",
    repository: "/srv/app.git",
    branch: "main",
    revision: `r${lastId + 1}`,
    files: ["src/a.ts"],
    when: 0,
    ...given,
  }),
  id: nextId(),
});

/** A scheduler and what the engine does for it: keeps what it wants kept, remembers, wakes. */
function run(kind: string, config: object) {
  const scheduler = makeScheduler({
    name: "all",
    kind,
    config: { builderNames: ["b"], ...config },
  });
  if (!scheduler) throw new Error("no scheduler");
  // As it comes back from the database.
  let cursor: unknown = {};
  let kept: Classified[] = [];
  const decide = (now: number, changes: readonly StoredChange[]): Decision => {
    const lines = scheduler.due(cursor, now);
    const decision = scheduler.decide({
      cursor,
      now,
      changes: changes.flatMap((one) => {
        const classified = scheduler.classify(one);
        return classified ? [{ change: one, ...classified }] : [];
      }),
      kept: kept.filter(({ line }) => lines.includes(line)),
    });
    kept = [...kept.filter(({ line }) => !decision.done.includes(line)), ...decision.keep];
    cursor = JSON.parse(JSON.stringify(decision.cursor));
    return decision;
  };
  return {
    push: (now: number, ...changes: StoredChange[]) => decide(now, changes),
    wake: (now: number) => decide(now, []),
    kept: () => kept.map(({ change: { id } }) => id),
  };
}
const single = (config: object = {}) => run("SingleBranchScheduler", config);

describe("without a timer", () => {
  it("each change is a buildset, at once, oldest first", () => {
    const [a, b] = [change(), change()];
    const { buildsets, fireAt, keep } = single().push(0, a, b);
    expect(buildsets.map(({ changeIds }) => changeIds)).toEqual([[a.id], [b.id]]);
    expect(buildsets[0]).toMatchObject({
      builderNames: ["b"],
      sourceStamps: [
        { codebase: "", repository: "/srv/app.git", branch: "main", revision: a.revision },
      ],
    });
    expect({ fireAt, keep }).toEqual({ fireAt: null, keep: [] });
  });

  it("0 is no timer", () => {
    expect(single({ treeStableTimer: 0 }).push(0, change()).buildsets).toHaveLength(1);
  });

  it("unimportant changes are dropped", () => {
    const scheduler = single({ fileIsImportant: { exclude: "docs/**" } });
    expect(scheduler.push(0, change({ files: ["docs/a.md"] })).buildsets).toEqual([]);
    expect(scheduler.kept()).toEqual([]);
    expect(scheduler.push(0, change({ files: ["docs/a.md", "a.c"] })).buildsets).toHaveLength(1);
  });
});

describe("with a timer", () => {
  it("each accepted change restarts it; one buildset has all, at the newest revision", () => {
    const scheduler = single({ treeStableTimer: 60 });
    const [a, b] = [change(), change()];
    expect(scheduler.push(0, a)).toMatchObject({ buildsets: [], fireAt: 60_000 });
    expect(scheduler.push(30_000, b)).toMatchObject({ buildsets: [], fireAt: 90_000 });
    expect(scheduler.wake(60_000)).toMatchObject({ buildsets: [], fireAt: 90_000 });
    const { buildsets, fireAt } = scheduler.wake(90_000);
    expect(buildsets).toMatchObject([
      { changeIds: [a.id, b.id], sourceStamps: [{ revision: b.revision }] },
    ]);
    expect(fireAt).toBeNull();
    expect(scheduler.kept()).toEqual([]);
    expect(scheduler.wake(99_000).buildsets).toEqual([]);
  });

  it("a change that comes when it has run out, and nobody woke it, waits for a timer of its own", () => {
    const scheduler = single({ treeStableTimer: 60 });
    const [a, b] = [change(), change()];
    scheduler.push(0, a);
    const { buildsets, fireAt } = scheduler.push(70_000, b);
    expect(buildsets.map(({ changeIds }) => changeIds)).toEqual([[a.id]]);
    expect(fireAt).toBe(130_000);
    expect(scheduler.kept()).toEqual([b.id]);
  });

  it("unimportant changes start nothing, wait, and ride along", () => {
    const scheduler = single({ treeStableTimer: 60, fileIsImportant: { include: ["src/**"] } });
    const docs = change({ files: ["README"] });
    expect(scheduler.push(0, docs)).toMatchObject({ buildsets: [], fireAt: null });
    const code = change();
    expect(scheduler.push(500_000, code).fireAt).toBe(560_000);
    const more = change({ files: ["README"] });
    expect(scheduler.push(510_000, more).fireAt).toBe(570_000);
    expect(scheduler.wake(570_000).buildsets[0]?.changeIds).toEqual([docs.id, code.id, more.id]);
  });

  it("onlyImportant forgets the others", () => {
    const scheduler = single({
      treeStableTimer: 60,
      onlyImportant: true,
      fileIsImportant: { include: ["src/**"] },
    });
    scheduler.push(0, change({ files: ["README"] }));
    expect(scheduler.kept()).toEqual([]);
  });

  it("that the configuration takes away runs to its end all the same", () => {
    const before = single({ treeStableTimer: 60 });
    const a = change();
    const { cursor, keep } = before.push(0, a);
    const after = makeScheduler({
      name: "all",
      kind: "SingleBranchScheduler",
      config: { builderNames: ["b"] },
    });
    const decision = after?.decide({ cursor, now: 60_000, changes: [], kept: keep });
    expect(decision?.buildsets[0]?.changeIds).toEqual([a.id]);
  });

  it("a cursor of another kind is none", () => {
    const scheduler = makeScheduler({
      name: "all",
      kind: "SingleBranchScheduler",
      config: { builderNames: ["b"] },
    });
    expect(scheduler?.due({ timers: "x" }, 5)).toEqual([]);
    expect(scheduler?.due(null, 5)).toEqual([]);
  });
});

describe("AnyBranchScheduler", () => {
  it("has a timer for each branch of each repository", () => {
    const scheduler = run("AnyBranchScheduler", { treeStableTimer: 60 });
    const [a, b, c] = [
      change(),
      change({ branch: "dev" }),
      change({ repository: "/srv/fork.git" }),
    ];
    scheduler.push(0, a);
    scheduler.push(10_000, b, c);
    expect(scheduler.wake(60_000)).toMatchObject({
      buildsets: [{ changeIds: [a.id] }],
      fireAt: 70_000,
    });
    expect(scheduler.wake(70_000).buildsets.map(({ changeIds }) => changeIds)).toEqual([
      [b.id],
      [c.id],
    ]);
  });
});

describe("a change filter", () => {
  const passes = (change_filter: object, given: Partial<StoredChange>) =>
    single({ change_filter }).push(0, change(given)).buildsets.length === 1;

  it.each([
    [{ branch: "main" }, { branch: "main" }, true],
    [{ branch: "main" }, { branch: "mainline" }, false],
    [{ branch: null }, { branch: null }, true],
    [{ branch: null }, { branch: "main" }, false],
    [{ branch: ["a", null] }, { branch: null }, true],
    [{ branch: ["a", "b"] }, { branch: "b" }, true],
    [{ branch_not_eq: ["a", "b"] }, { branch: "b" }, false],
    [{ branch_not_eq: ["a", "b"] }, { branch: "c" }, true],
    [{ branch_re: "release/" }, { branch: "release/1" }, true],
    [{ branch_re: "release/" }, { branch: "x/release/1" }, false],
    [{ branch_re: ["a", "b$"] }, { branch: "b" }, true],
    [{ branch_re: ".+" }, { branch: null }, false],
    [{ branch_not_re: "wip" }, { branch: "wip/1" }, false],
    [{ branch_not_re: "wip" }, { branch: null }, true],
    [{ repository: "/srv/app.git" }, {}, true],
    [{ project: "p" }, { project: "q" }, false],
    [{ category: null }, { category: null }, true],
    [{ category: "pull" }, { category: "pull" }, true],
    [{ codebase: "lib" }, { codebase: "" }, false],
    [{ property_eq: { event: "push" } }, { properties: { event: "push" } }, true],
    [{ property_eq: { event: "push" } }, {}, false],
    [{ property_not_eq: { event: "push" } }, {}, true],
    [{ property_re: { n: "1" } }, { properties: { n: 12 } }, true],
    [{ property_not_re: { n: "1" } }, { properties: { n: 12 } }, false],
    [{ branch: "main", project: "p" }, { branch: "main", project: "q" }, false],
  ])("%j lets %j pass: %s", (filter, given, expected) => {
    expect(passes(filter, given)).toBe(expected);
  });
});

describe("codebases", () => {
  it("fill in stamps, and drop changes of others", () => {
    const scheduler = single({
      treeStableTimer: 60,
      codebases: { app: {}, lib: { repository: "/srv/lib.git", branch: "stable" } },
    });
    const app = change({ codebase: "app", project: "p" });
    scheduler.push(0, app, change({ codebase: "other" }));
    expect(scheduler.wake(60_000).buildsets).toMatchObject([
      {
        changeIds: [app.id],
        sourceStamps: [
          { codebase: "app", revision: app.revision, project: "p" },
          { codebase: "lib", repository: "/srv/lib.git", branch: "stable", revision: null },
        ],
      },
    ]);
  });

  it("each take the newest change of their own", () => {
    const scheduler = single({ treeStableTimer: 60, codebases: ["app", "lib"] });
    const [app, lib] = [change({ codebase: "app" }), change({ codebase: "lib" })];
    scheduler.push(0, change({ codebase: "app" }), app, lib);
    expect(scheduler.wake(60_000).buildsets[0]?.sourceStamps).toMatchObject([
      { codebase: "app", revision: app.revision },
      { codebase: "lib", revision: lib.revision },
    ]);
  });

  it("not given, are those of the changes", () => {
    expect(single().push(0, change({ codebase: "x" })).buildsets[0]?.sourceStamps).toMatchObject([
      { codebase: "x" },
    ]);
  });
});

describe("a buildset", () => {
  it("has the properties of the changes and, above them, the scheduler's, its reason and priority", () => {
    const scheduler = single({ properties: { a: 1, b: [2] }, reason: "because", priority: 7 });
    const [plan] = scheduler.push(0, change({ properties: { a: 0, event: "push" } })).buildsets;
    expect(plan).toMatchObject({ reason: "because", priority: 7 });
    expect(plan?.properties).toEqual({
      a: [1, "Scheduler"],
      b: [[2], "Scheduler"],
      event: ["push", "Change"],
    });
  });

  it("has what templates make of its changes", () => {
    const scheduler = single({
      builderNames: ["b-%(src::branch)s"],
      reason: "%(prop:event)s by %(src::branch)s",
      properties: { ref: "%(src::branch)s@%(src::revision)s", plain: "100%" },
    });
    const one = change({ properties: { event: "push" }, revision: "abc" });
    expect(scheduler.push(0, one).buildsets[0]).toMatchObject({
      builderNames: ["b-main"],
      reason: "push by main",
      properties: { ref: ["main@abc", "Scheduler"], plain: ["100%", "Scheduler"] },
    });
  });

  it("says what it is for", () => {
    expect(single().push(0, change()).buildsets[0]?.reason).toBe("all: a change on main");
  });
});

it("a change that touches more files than are known touches what counts", () => {
  const scheduler = single({ fileIsImportant: { include: "src/**" } });
  const files = Array.from({ length: 1_500 }, (_, index) => `docs/${index}`);
  expect(scheduler.push(0, change({ files })).buildsets).toHaveLength(1);
});
