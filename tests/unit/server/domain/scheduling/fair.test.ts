// Guarantee: where projects share a pool each has its part of it while it wants it, whatever the others ask
// for; priorities come first, and without weights nothing is otherwise than it was (K-040, C-100).
import { expect, test } from "vitest";
import type { BuilderId, BuildRequestId, WorkerId } from "../../../../../server/domain/ids";
import {
  assign,
  type Candidate,
  type WaitingBuilder,
} from "../../../../../server/domain/scheduling";
import { seededRandom } from "../../../../support/seeded-random";

const worker = (id: number): Candidate => ({
  ...{ workerId: id as WorkerId, name: `w${id}`, sessionId: 1 as never, isPaused: false },
  ...{ isDraining: false, quarantinedUntil: null, maxBuilds: 1, busySlots: [], isPairBusy: false },
});
const workers = (count: number) => Array.from({ length: count }, (_, n) => worker(n + 1));

let requests = 0;
/** A builder of the project with so many requests, the first at that time. */
function builder(
  project: number,
  name: string,
  count: number,
  free: readonly Candidate[],
  more: { since?: number; priority?: number; weight?: number; running?: number } = {},
): WaitingBuilder {
  const { since = 0, priority = 0, weight = 1, running = 0 } = more;
  requests += 1;
  return {
    builderId: (requests * 1_000) as BuilderId,
    name,
    workers: free,
    requests: Array.from({ length: count }, (_, n) => ({
      ...{ id: (requests * 1_000_000 + n) as BuildRequestId, priority, submittedAt: since + n },
    })),
    share: { poolId: 1, projectId: project, weight, running },
  };
}
/** How many of the places each builder got. */
function given(builders: readonly WaitingBuilder[]): Record<string, number> {
  const names = new Map(builders.map(({ builderId, name }) => [builderId, name]));
  const counts: Record<string, number> = {};
  for (const { builderId } of assign(builders, 0)) {
    const name = names.get(builderId) as string;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

test("a project of a hundred older requests leaves room for one of a single", () => {
  const free = workers(4);
  expect(
    given([builder(1, "many", 100, free), builder(2, "one", 1, free, { since: 999 })]),
  ).toEqual({
    ...{ many: 3, one: 1 },
  });
});

test("without weights whoever waits longest is first", () => {
  const free = workers(4);
  const builders = [builder(1, "many", 100, free), builder(2, "one", 1, free, { since: 999 })];
  expect(given(builders.map(({ share: _, ...rest }) => rest))).toEqual({ many: 4 });
});

test("parts by weight, counting what runs already", () => {
  const free = workers(8);
  const builders = [
    builder(1, "three", 50, free, { weight: 3, since: 5 }),
    builder(2, "one", 50, free, { weight: 1 }),
  ];
  expect(given(builders)).toEqual({ three: 6, one: 2 });
  const running = [
    builder(1, "has", 50, workers(4), { running: 6 }),
    builder(2, "has-not", 50, workers(4), { since: 5 }),
  ];
  expect(given(running)).toEqual({ "has-not": 4 });
});

test("what a project does not want goes to the others", () => {
  const free = workers(6);
  expect(
    given([builder(1, "few", 1, free, { weight: 100 }), builder(2, "many", 50, free)]),
  ).toEqual({ few: 1, many: 5 });
});

test("a request of a higher priority comes first, whatever its project has", () => {
  const free = workers(2);
  expect(
    given([
      builder(1, "urgent", 2, free, { priority: 10, running: 90, since: 9 }),
      builder(2, "poor", 2, free),
    ]),
  ).toEqual({ urgent: 2 });
});

test("within a project the oldest of the most urgent, over its builders", () => {
  const free = workers(2);
  const builders = [
    builder(1, "a", 1, free, { since: 3 }),
    builder(1, "b", 1, free, { since: 2 }),
    builder(1, "c", 1, free, { since: 1 }),
  ];
  expect(given(builders)).toEqual({ c: 1, b: 1 });
});

test("a builder has no two builds on one worker, also when others have turns between", () => {
  const seeded = seededRandom(40);
  const random = () => seeded.below(1_000) / 1_000;
  for (let round = 0; round < 200; round += 1) {
    const free = workers(1 + Math.floor(random() * 6)).map((each) => ({ ...each, maxBuilds: 3 }));
    const builders = Array.from({ length: 6 }, (_, n) =>
      builder(n % 3, `b${n}`, 1 + Math.floor(random() * 8), free, {
        ...{ weight: 1 + Math.floor(random() * 3), since: Math.floor(random() * 50) },
        ...{ running: Math.floor(random() * 4), priority: Math.floor(random() * 2) },
      }),
    );
    const made = assign(builders, 0);
    const pairs = made.map(({ builderId, workerId }) => `${builderId} ${workerId}`);
    expect(new Set(pairs).size).toBe(pairs.length);
    expect(new Set(made.map(({ requestId }) => requestId)).size).toBe(made.length);
    const slots = made.map(({ workerId, slot }) => `${workerId} ${slot}`);
    expect(new Set(slots).size).toBe(slots.length);
    // Nobody is left out while there is room for it.
    for (const { builderId, requests: asked, workers: able } of builders) {
      const got = made.filter((each) => each.builderId === builderId);
      const room = able.filter(({ workerId }) => {
        const on = made.filter((each) => each.workerId === workerId);
        return on.length < 3 && !on.some((each) => each.builderId === builderId);
      });
      expect(got.length === asked.length || room.length === 0).toBe(true);
    }
  }
});

test("nobody starves: with builds that end in any order, each project gets its part", () => {
  const seeded = seededRandom(7);
  const random = () => seeded.below(1_000) / 1_000;
  const weights = [1, 2, 5];
  const done = [0, 0, 0];
  let running: number[] = [];
  for (let round = 0; round < 4_000; round += 1) {
    const free = workers(8 - running.length);
    const builders = weights.map((weight, project) =>
      builder(project, `p${project}`, 20, free, {
        // The heaviest queue is the oldest, too.
        ...{ weight, since: (3 - project) * 100 },
        running: running.filter((one) => one === project).length,
      }),
    );
    const names = new Map(builders.map(({ builderId }, project) => [builderId, project]));
    for (const { builderId } of assign(builders, 0)) {
      const project = names.get(builderId) as number;
      running.push(project);
      done[project] = (done[project] ?? 0) + 1;
    }
    running = running.filter(() => random() < 0.8);
  }
  const total = done.reduce((sum, count) => sum + count, 0);
  const parts = done.map((count) => (count / total) * 8);
  parts.forEach((part, project) => {
    expect(Math.abs(part - (weights[project] as number))).toBeLessThan(0.35);
  });
});
