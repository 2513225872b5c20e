// Guarantee: a machine's life has no gaps and no overlaps, whatever came before what.
import { describe, expect, test } from "vitest";
import { biography, type LifeTimes, startMs } from "../../../../../server/domain/instances";
import { seededRandom } from "../../../../support/seeded-random";

const NONE: LifeTimes = {
  ...{ createdAt: 0, answeredAt: null, connectedAt: null, stoppingAt: null, goneAt: null },
};
const words = (times: Partial<LifeTimes>, builds: Parameters<typeof biography>[1] = []) =>
  biography({ ...NONE, ...times }, builds).map(
    ({ phase, from, to }) => `${phase} ${from}-${to ?? ""}`,
  );

describe("a life", () => {
  test("that goes well", () => {
    const times = { answeredAt: 10, connectedAt: 30, stoppingAt: 100, goneAt: 110 };
    const builds = [
      { id: 1, from: 30, to: 50 },
      { id: 2, from: 45, to: 60 },
      { id: 3, from: 80, to: 90 },
      { id: 4, from: null, to: null },
    ];
    expect(words(times, builds)).toEqual([
      "requested 0-10",
      "starting 10-30",
      "building 30-60",
      "idle 60-80",
      "building 80-90",
      "idle 90-100",
      "stopping 100-110",
    ]);
    expect(startMs({ ...NONE, ...times })).toBe(30);
  });

  test("whose worker is there before the provider has answered (R1)", () => {
    expect(words({ answeredAt: 20, connectedAt: 10 })).toEqual(["requested 0-10", "idle 10-"]);
  });

  test("that came to nothing", () => {
    expect(words({ stoppingAt: 10, goneAt: 15 })).toEqual(["requested 0-10", "stopping 10-15"]);
    expect(words({ answeredAt: 5, stoppingAt: 10 })).toEqual([
      "requested 0-5",
      "starting 5-10",
      "stopping 10-",
    ]);
    expect(startMs(NONE)).toBeNull();
  });

  test("that lasts", () => {
    expect(words({})).toEqual(["requested 0-"]);
    expect(words({ answeredAt: 1, connectedAt: 2 }, [{ id: 1, from: 2, to: null }])).toEqual([
      ...["requested 0-1", "starting 1-2", "building 2-"],
    ]);
  });
});

test("however builds lie, the stretches touch and never overlap", () => {
  const random = seededRandom(11);
  for (let run = 0; run < 3_000; run += 1) {
    const connectedAt = 10;
    const stoppingAt = random.below(5) === 0 ? null : 10 + random.below(100);
    const builds = Array.from({ length: random.below(6) }, (_, id) => {
      const from = random.below(120);
      return { id, from, to: random.below(5) === 0 ? null : from + random.below(40) };
    });
    const life = biography({ ...NONE, answeredAt: 5, connectedAt, stoppingAt }, builds);
    let at = 0;
    for (const [index, { from, to }] of life.entries()) {
      expect(from).toBe(at);
      if (to === null) expect(index).toBe(life.length - 1);
      else {
        expect(to).toBeGreaterThan(from);
        at = to;
      }
    }
    // Neighbours are never of one kind.
    for (const [index, { phase }] of life.entries()) {
      expect(life[index + 1]?.phase).not.toBe(phase);
    }
  }
});
