/** Guarantee: the board never hides a builder, puts bad news first, and says since when it is bad. */
import { describe, expect, test } from "vitest";
import {
  type BuilderRow,
  failingFirst,
  healthOf,
  matching,
  steady,
  tagsOf,
} from "../../../../../app/_features/board/health";

const builds = (...results: (number | null)[]) =>
  results.map((result, index) => ({
    id: index + 1,
    number: index + 1,
    state: result === null ? "running" : "finished",
    result,
    startedAt: index * 1000,
    completeAt: result === null ? null : index * 1000 + 500,
  }));

const row = (
  id: number,
  name: string,
  results: (number | null)[],
  tags: string[] = [],
): BuilderRow => ({
  id,
  name,
  description: "",
  tags,
  project: "hull",
  pending: 0,
  workers: 1,
  connected: 1,
  builds: builds(...results),
  brokenStep: null,
  lastEndedAt: null,
});

describe("healthOf", () => {
  test("a builder without builds says so", () => {
    expect(healthOf(row(1, "a", []))).toMatchObject({ state: "none", newest: null, broken: null });
  });

  test("is bad since the first bad build in a row", () => {
    const health = healthOf(row(1, "a", [0, 2, 0, 2, 4, 2]));
    expect(health.state).toBe("failure");
    expect(health.badSince?.number).toBe(4);
    expect(health.broken?.number).toBe(6);
  });

  test("a build that a person stopped does not hide the failure before it", () => {
    const health = healthOf(row(1, "a", [0, 2, 6]));
    expect(health.state).toBe("failure");
    expect(health.broken?.number).toBe(2);
  });

  test("while a build runs the last result stays the news", () => {
    const health = healthOf(row(1, "a", [0, 2, null]));
    expect(health).toMatchObject({ state: "failure", isRunning: true });
  });

  test("only running builds are shown as running", () => {
    expect(healthOf(row(1, "a", [null])).state).toBe("running");
  });
});

test("failing first, then ours, then warnings, then good, then never built; equals by name", () => {
  const rows = [
    row(1, "never", []),
    row(2, "good", [0]),
    row(3, "warned", [1]),
    row(4, "z-broken", [2]),
    row(5, "a-broken", [2]),
    row(6, "ours", [4]),
  ];
  expect(failingFirst(rows).map(({ name }) => name)).toEqual([
    "a-broken",
    "z-broken",
    "ours",
    "warned",
    "good",
    "never",
  ]);
});

test("a filter needs every tag, and its text in name, project or description", () => {
  const rows = [row(1, "linux", [], ["unit", "x64"]), row(2, "docs", [], ["x64"])];
  expect(matching(rows, { text: "", tags: ["unit", "x64"] }).map(({ id }) => id)).toEqual([1]);
  expect(matching(rows, { text: "DOC", tags: [] }).map(({ id }) => id)).toEqual([2]);
  expect(matching(rows, { text: "hull", tags: [] })).toHaveLength(2);
  expect(tagsOf(rows)).toEqual(["x64", "unit"]);
});

test("rows under the pointer stay where they are; new ones come at the end", () => {
  const wanted = [{ id: 9 }, { id: 2 }, { id: 1 }];
  expect(steady(wanted, [1, 2], true).map(({ id }) => id)).toEqual([1, 2, 9]);
  expect(steady(wanted, [1, 2], false).map(({ id }) => id)).toEqual([9, 2, 1]);
});
