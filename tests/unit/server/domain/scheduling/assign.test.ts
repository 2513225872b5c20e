/**
 * Who builds what next: never over a worker's limits, never two builds of a pair, the urgent first,
 * and the sentence on the screen follows the same rules (C-100, C-106, W-060, W-061).
 */
import { expect, test } from "vitest";
import {
  assign,
  blockedBy,
  type Candidate,
  freeSlot,
  type WaitingBuilder,
  whyWaiting,
} from "../../../../../server/domain/scheduling";
import { seededRandom } from "../../../../support/seeded-random";

const NOW = Date.parse("2026-11-21T12:00:00Z");

const worker = (id: number, given: Partial<Candidate> = {}): Candidate => ({
  workerId: id as Candidate["workerId"],
  name: `w${id}`,
  sessionId: (100 + id) as Candidate["sessionId"],
  isPaused: false,
  isDraining: false,
  quarantinedUntil: null,
  maxBuilds: null,
  busySlots: [],
  isPairBusy: false,
  ...given,
});

const builder = (
  id: number,
  requests: readonly (readonly [id: number, priority?: number, at?: number])[],
  workers: readonly Candidate[],
): WaitingBuilder => ({
  builderId: id as WaitingBuilder["builderId"],
  name: `b${id}`,
  requests: requests.map(([request, priority = 0, submittedAt = request]) => ({
    id: request as never,
    priority,
    submittedAt,
  })),
  workers,
});

const shown = (builders: WaitingBuilder[]) =>
  assign(builders, NOW).map(({ requestId, workerId, slot }) => [requestId, workerId, slot]);

test("the lowest free place", () => {
  expect(freeSlot(null, [])).toBe(1);
  expect(freeSlot(null, [1, 3])).toBe(2);
  expect(freeSlot(2, [2])).toBe(1);
  expect(freeSlot(2, [1, 2])).toBeNull();
  expect(freeSlot(2, [1, 2, 3])).toBeNull();
  expect(freeSlot(2, [3, 4])).toBeNull();
  expect(freeSlot(2, [3])).toBe(1);
});

test("builders by priority, then age, then name, for the one place there is", () => {
  const one = [worker(1, { maxBuilds: 1 })];
  expect(shown([builder(1, [[1]], one), builder(2, [[2, 5]], one)])).toEqual([[2, 1, 1]]);
  expect(shown([builder(1, [[1, 0, 9]], one), builder(2, [[2, 0, 8]], one)])).toEqual([[2, 1, 1]]);
  expect(shown([builder(2, [[2, 0, 8]], one), builder(1, [[1, 0, 8]], one)])).toEqual([[1, 1, 1]]);
});

test("one build of a builder on a worker; different builders side by side, in places of their own", () => {
  const both = [worker(1)];
  expect(shown([builder(1, [[1], [2]], both), builder(2, [[3]], both)])).toEqual([
    [1, 1, 1],
    [3, 1, 2],
  ]);
});

test("a request without a usable worker does not hold up another builder's", () => {
  expect(
    shown([builder(1, [[1, 9]], [worker(1, { isPaused: true })]), builder(2, [[2]], [worker(2)])]),
  ).toEqual([[2, 2, 1]]);
});

test("quarantine ends by the clock", () => {
  expect(blockedBy(worker(1, { quarantinedUntil: NOW + 1 }), NOW)).toBe("quarantined");
  expect(blockedBy(worker(1, { quarantinedUntil: NOW }), NOW)).toBeNull();
});

test("whatever waits, limits hold and nothing that fits is left", () => {
  const { below } = seededRandom(20261121);
  for (let round = 0; round < 300; round += 1) {
    const fleet = Array.from({ length: 1 + below(5) }, (_, id) =>
      worker(id, {
        maxBuilds: below(3) === 0 ? null : 1 + below(3),
        isPaused: below(6) === 0,
        sessionId: below(6) === 0 ? null : ((100 + id) as never),
        busySlots: below(3) === 0 ? [1 + below(2)] : [],
      }),
    );
    let request = 0;
    const builders = Array.from({ length: 1 + below(4) }, (_, id) =>
      builder(
        id,
        Array.from({ length: below(5) }, () => {
          request += 1;
          return [request, 0] as const;
        }),
        fleet.filter(() => below(4) > 0),
      ),
    );
    const made = assign(builders, NOW);
    expect(new Set(made.map(({ requestId }) => requestId)).size).toBe(made.length);
    expect(new Set(made.map(({ builderId, workerId }) => `${builderId} ${workerId}`)).size).toBe(
      made.length,
    );
    for (const each of fleet) {
      const slots = [
        ...each.busySlots,
        ...made.filter(({ workerId }) => workerId === each.workerId).map(({ slot }) => slot),
      ];
      expect(new Set(slots).size).toBe(slots.length);
      if (each.maxBuilds !== null && slots.length > each.busySlots.length) {
        expect(slots.length).toBeLessThanOrEqual(each.maxBuilds);
      }
      for (const waiting of builders) {
        const left = waiting.requests.filter(
          ({ id }) => !made.some(({ requestId }) => requestId === id),
        );
        const runsHere = made.some(
          ({ builderId, workerId }) =>
            builderId === waiting.builderId && workerId === each.workerId,
        );
        if (left.length === 0 || runsHere || !waiting.workers.includes(each)) continue;
        expect(blockedBy({ ...each, busySlots: slots }, NOW)).not.toBeNull();
      }
    }
  }
});

test.each<[string, Candidate[], number, string]>([
  ["no-workers", [], 0, "The builder names no worker."],
  ["next", [worker(1)], 0, "w1 is free; the build starts next."],
  ["behind", [worker(1)], 2, "2 requests of this builder go first."],
  ["offline", [worker(1, { sessionId: null })], 0, "Its only worker, w1, is not connected."],
  [
    "paused",
    [worker(1, { isPaused: true, sessionId: null })],
    0,
    "Its only worker, w1, is paused.",
  ],
  [
    "busy",
    [worker(1, { isPairBusy: true })],
    1,
    "Its only worker, w1, is busy, and 1 request of this builder goes first.",
  ],
  [
    "quarantined",
    [worker(1, { quarantinedUntil: NOW + 1000 })],
    0,
    "Its only worker, w1, is in quarantine until 12:00:01 UTC.",
  ],
  [
    "busy",
    [
      worker(1, { isPairBusy: true }),
      worker(2, { isDraining: true }),
      worker(3, { isPaused: true }),
    ],
    0,
    "3 workers match: 1 busy, 1 shutting down, 1 paused.",
  ],
])("why it waits: %s", (code, workers, ahead, sentence) => {
  const why = whyWaiting(workers, ahead, NOW);
  expect(why.code).toBe(code);
  expect(why.sentence).toBe(sentence);
});

test("until when it waits: as long as what it waits for rests, or its pool may not grow", () => {
  const resting = (id: number, ms: number) => worker(id, { quarantinedUntil: NOW + ms });
  expect(whyWaiting([resting(1, 9_000)], 0, NOW)).toMatchObject({
    ...{ until: NOW + 9_000, resting: 1 },
  });
  expect(whyWaiting([resting(1, 9_000), resting(2, 4_000)], 0, NOW)).toMatchObject({
    ...{ code: "quarantined", until: NOW + 4_000, resting: 2 },
  });
  expect(whyWaiting([resting(1, 9_000), resting(2, 4_000)], 0, NOW, "w1")).toMatchObject({
    ...{ until: NOW + 9_000, resting: 1 },
  });
  const limits = [{ sentence: "starts 2 machines a minute at most", until: NOW + 30_000 }];
  expect(whyWaiting([], 0, NOW, null, [{ id: 7, name: "linux", limits }])).toMatchObject({
    ...{ code: "pool", until: NOW + 30_000, pool: { id: 7, name: "linux" } },
  });
});

test("a worker whose machine is on its way is busy with the build that waits for it", () => {
  const coming = latent(1, "starting", {}, { maxBuilds: 1, busySlots: [1] });
  expect(whyWaiting([coming], 0, NOW).sentence).toBe(
    "Its only worker, w1, is busy with a build that waits for its machine.",
  );
});

test("a request that chose its worker is for that one; the others go on", () => {
  const requests = [
    { id: 1 as never, priority: 5, submittedAt: 1, worker: "w2" },
    { id: 2 as never, priority: 4, submittedAt: 2, worker: "w2" },
    { id: 3 as never, priority: 0, submittedAt: 3, worker: null },
    { id: 4 as never, priority: 0, submittedAt: 4, worker: "w9" },
  ];
  const workers = [worker(1), worker(2), worker(3)];
  expect(shown([{ ...builder(1, [], workers), requests }])).toEqual([
    [1, 2, 1],
    [3, 1, 1],
  ]);
});

test.each<[string, Candidate[], number, string]>([
  ["next", [worker(1), worker(2)], 0, "It asks for w2, which is free; the build starts next."],
  [
    "offline",
    [worker(1), worker(2, { sessionId: null })],
    0,
    "It asks for w2, which is not connected.",
  ],
  [
    "behind",
    [worker(2)],
    1,
    "It asks for w2, which is free, and 1 request of this builder goes first.",
  ],
  ["not-its-worker", [worker(1)], 0, "It asks for worker w2, which the builder does not name."],
])("why it waits for the worker it chose: %s", (code, workers, ahead, sentence) => {
  expect(whyWaiting(workers, ahead, NOW, "w2")).toMatchObject({ code, sentence });
});

const latent = (
  id: number,
  state: NonNullable<Candidate["latent"]>["state"],
  more: Partial<NonNullable<Candidate["latent"]>> = {},
  given: Partial<Candidate> = {},
): Candidate =>
  worker(id, {
    maxBuilds: 2,
    sessionId: null,
    ...given,
    latent: {
      ...{ id, state, isConnected: false, isUsed: false, missingSeconds: 0 },
      ...more,
    },
  });
const there = (id: number, more = {}, given = {}) =>
  latent(id, "substantiated", { isConnected: true, ...more }, { sessionId: id as never, ...given });

test("machines are packed: there, on their way, to be made, and each time the fullest first (K-031)", () => {
  const workers = [
    latent(1, "insubstantiated"),
    latent(2, "insubstantiated"),
    latent(3, "starting"),
    there(4),
    there(5, {}, { busySlots: [1] }),
    worker(6),
    latent(7, "insubstantiating"),
  ];
  const builders = Array.from({ length: 10 }, (_, n) => builder(n + 1, [[n + 1]], workers));
  // The worker that costs nothing takes one of each builder: it has no limit.
  expect(shown(builders).every(([, id]) => id === 6)).toBe(true);
  const machines = workers.filter(({ latent: machine }) => machine);
  expect(shown(builders.map((one) => ({ ...one, workers: machines }))).map(([, id]) => id)).toEqual(
    [5, 4, 4, 3, 3, 1, 1, 2, 2, 7],
  );
});

test("a worn machine takes no more beside what it has, and no machine is made where none may be", () => {
  const worn = there(1, { isWorn: true }, { busySlots: [1] });
  expect(blockedBy(worn, NOW)).toBe("busy");
  expect(blockedBy({ ...worn, busySlots: [] }, NOW)).toBeNull();
  const shut = { isPooled: true, isOpen: false };
  expect(blockedBy(latent(1, "insubstantiated", shut), NOW)).toBe("unopened");
  expect(blockedBy(latent(1, "insubstantiating", shut), NOW)).toBe("unopened");
  expect(blockedBy(latent(1, "starting", shut), NOW)).toBeNull();
  expect(blockedBy(there(1, shut), NOW)).toBeNull();
  expect(blockedBy(there(1, { ...shut, isUsed: true }), NOW)).toBe("unopened");
});
