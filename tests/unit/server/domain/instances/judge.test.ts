// Guarantee: however a provider's list lags and lies, nothing follows from one sighting, a machine that is
// its worker's present one is never an orphan, and what nobody owns is one at the second honest sweep
// (W-143, A-27).
import { describe, expect, test } from "vitest";
import type { Sweep } from "../../../../../server/domain/instances";
import type { InstanceState } from "../../../../../server/domain/latent";
import { AT, judgeSchedules, listed, look, row, seen } from "../../../../support/list-weather";

const then = (of: Partial<Sweep>) => look(of).findings.map(({ kind, then: does }) => [kind, does]);

describe("what is listed and nobody's", () => {
  test("is noted, then stopped, when it is older than the lag", () => {
    expect(then({ listed: [listed("a")] })).toEqual([["orphan", "too-young"]]);
    expect(then({ listed: [listed("a", { madeAt: 0 })] })).toEqual([["orphan", "sighted"]]);
    const sighted = [seen("orphan", "a")];
    expect(then({ listed: [listed("a")], sighted })).toEqual([["orphan", "stop"]]);
    const young = [seen("orphan", "a", { firstAt: AT - 1_000, times: 5 })];
    expect(then({ listed: [listed("a")], sighted: young })).toEqual([["orphan", "too-young"]]);
    // What a person asks for needs no second sighting.
    const asked = [seen("orphan", "a", { times: 0, isStopRequested: true })];
    expect(then({ listed: [listed("a", { madeAt: 0 })], sighted: asked })).toEqual([
      ["orphan", "stop"],
    ]);
  });

  test("may have a row that says it is gone; none that is anything else", () => {
    for (const state of ["requested", "starting", "running", "stopping", "broken"] as const) {
      for (const isCurrent of [true, false]) {
        const known = [row("a", { state, isCurrent })];
        expect(then({ listed: [listed("a")], known, sighted: [seen("orphan", "a")] })).toEqual([]);
      }
    }
    const gone = [row("a", { state: "gone", isCurrent: false })];
    expect(then({ listed: [listed("a")], known: gone, sighted: [seen("orphan", "a")] })).toEqual([
      ["orphan", "stop"],
    ]);
    // Its worker has not noticed yet.
    const just = [row("a", { state: "gone", isCurrent: true })];
    expect(then({ listed: [listed("a")], known: just, sighted: [seen("orphan", "a")] })).toEqual(
      [],
    );
  });

  test("of another organisation is for its own sweep, unless there is no such organisation", () => {
    const foreign = { listed: [listed("a", { organization: 2, madeAt: 0 })] };
    expect(then(foreign)).toEqual([]);
    expect(then({ ...foreign, goneOrganizations: new Set([2]) })).toEqual([["orphan", "sighted"]]);
  });
});

describe("what is ours and not listed", () => {
  test("is looked at after the second time, and spared while its worker is connected", () => {
    expect(then({ ours: [row("a")] })).toEqual([["missing", "sighted"]]);
    expect(then({ ours: [row("a")], sighted: [seen("missing", "a")] })).toEqual([
      ["missing", "tell"],
    ]);
    const connected = [row("a", { isConnected: true })];
    expect(then({ ours: connected, sighted: [seen("missing", "a", { times: 9 })] })).toEqual([
      ["missing", "spared"],
    ]);
  });

  test("is nothing while it cannot be there yet, or any more", () => {
    const quiet: [InstanceState, number][] = [
      ["requested", 0],
      ["stopping", 0],
      ["gone", 0],
      ["running", AT - 1_000],
    ];
    for (const [state, createdAt] of quiet) {
      const sighted = [seen("missing", "a", { times: 9 })];
      expect(then({ ours: [row("a", { state, createdAt })], sighted })).toEqual([]);
    }
  });
});

test("rows that are no worker's and not on their way out are told apart", () => {
  const ours = [
    row("a", { id: 1, isCurrent: false }),
    row("b", { id: 2, isCurrent: false, state: "stopping" }),
    row("c", { id: 3 }),
  ];
  expect(look({ ours }).astray).toEqual([1]);
});

test("two thousand schedules of lagging and lying lists; storm has many more", () => {
  judgeSchedules(1, 2_000);
}, 60_000);
