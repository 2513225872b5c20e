/** Lists of providers that lag and lie beside rows of ours, for the pure judgement of a sweep. */
import { expect } from "vitest";
import {
  type Finding,
  judge,
  type Known,
  type Listed,
  type Sighted,
  type Sweep,
} from "../../server/domain/instances";
import { seededRandom } from "./seeded-random";

export const LAG = 60_000;
export const AT = 10_000_000;
export const listed = (key: string, more: Partial<Listed> = {}): Listed => ({
  ...{ key, organization: 1, madeAt: null },
  ...more,
});
export const row = (key: string, more: Partial<Known> = {}): Known => ({
  ...{ id: 1, key, state: "running", isCurrent: true, isConnected: false, createdAt: 0 },
  ...more,
});
export const seen = (kind: Sighted["kind"], key: string, more: Partial<Sighted> = {}): Sighted => ({
  ...{ kind, key, times: 1, firstAt: 0, isStopRequested: false },
  ...more,
});
export const look = (of: Partial<Sweep>) =>
  judge({
    ...{ at: AT, lagMs: LAG, organization: 1, listed: [], known: [], ours: [] },
    ...{ goneOrganizations: new Set<number>(), sighted: [] },
    ...of,
  });

/** A cloud in one variable, whose lists are never to be trusted; one schedule for each seed. */
export function judgeSchedules(first: number, last: number): void {
  for (let seed = first; seed <= last; seed += 1) {
    const random = seededRandom(seed);
    let now = AT;
    let sighted: Sighted[] = [];
    const there = new Map<string, number>();
    const rows = new Map<string, Known>();
    let named = 0;
    const sweep = (isHonest: boolean): readonly Finding[] => {
      const truth = [...there.keys()].filter(() => isHonest || random.below(4) > 0);
      const lies = isHonest ? [] : [...rows.keys()].filter(() => random.below(6) === 0);
      const list = [...new Set([...truth, ...lies])].map((key) =>
        listed(key, { madeAt: random.below(2) === 0 ? (there.get(key) ?? null) : null }),
      );
      const { findings } = look({
        ...{
          at: now,
          listed: list,
          sighted,
          ours: [...rows.values()].filter((r) => r.state !== "gone"),
        },
        known: list.flatMap(({ key }) => rows.get(key) ?? []),
      });
      sighted = findings.map(({ kind, key, times, firstAt }) =>
        seen(kind, key, { times, firstAt }),
      );
      for (const { key, then: does, kind, times } of findings) {
        if (does !== "stop" && does !== "tell") continue;
        expect(times).toBeGreaterThanOrEqual(2);
        const own = rows.get(key);
        // Whatever the list says.
        if (kind === "orphan") expect(own === undefined || own.state === "gone").toBe(true);
        if (kind === "missing") expect(own?.isConnected).toBe(false);
        if (does === "stop") there.delete(key);
      }
      return findings;
    };
    for (let step = 0; step < 12; step += 1) {
      now += random.below(90_000);
      const keys = [...rows.keys()];
      const key = keys[random.below(Math.max(1, keys.length))];
      const own = key === undefined ? undefined : rows.get(key);
      switch (random.below(6)) {
        case 0: {
          named += 1;
          there.set(`m${named}`, now);
          const isConnected = random.below(2) === 0;
          rows.set(`m${named}`, row(`m${named}`, { isConnected, createdAt: now }));
          break;
        }
        case 1:
          named += 1;
          there.set(`lost${named}`, now);
          break;
        case 2:
          if (key !== undefined && own) {
            rows.set(key, { ...own, state: "gone", isCurrent: false, isConnected: false });
            if (random.below(3) > 0) there.delete(key);
          }
          break;
        default:
          sweep(random.below(3) === 0);
      }
    }
    // Two honest sweeps beyond the lag, and nothing is unowned.
    for (let n = 0; n < 3; n += 1) {
      now += LAG + 45_000;
      sweep(true);
    }
    for (const key of there.keys()) expect(rows.get(key)?.state).not.toBe("gone");
    expect([...there.keys()].filter((key) => !rows.has(key))).toEqual([]);
  }
}
