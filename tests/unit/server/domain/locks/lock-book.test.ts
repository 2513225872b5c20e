/**
 * Guarantee: a lock is never had by more than its count, or by anybody beside one who has it alone; all of
 * a holder's locks come at once; and nobody is passed by for ever (C-120 to C-123).
 */
import { describe, expect, it } from "vitest";
import {
  accessesOf,
  type LockAccess,
  LockBook,
  type LockState,
  strongest,
} from "../../../../../server/domain/locks";

const W1 = { id: 1, name: "w1" };
const W2 = { id: 2, name: "w2" };

const lock = (given: Partial<LockState> = {}): LockState => ({
  ...{ id: 7, kind: "MasterLock", name: "db", maxCount: 1, maxCountForWorker: {}, places: 1 },
  ...{ owners: [], waiters: [], ...given },
});

const one: LockAccess = { name: "db", isExclusive: false, count: 1 };
const two = { ...one, count: 2 };
const alone = { ...one, isExclusive: true };

/** The places that are taken, or why none are. */
function take(book: LockBook, access: LockAccess, worker = W1, holder = "a #1") {
  const answer = book.ask([access], worker);
  if ("refused" in answer) return `${answer.refused.lock}: ${answer.refused.why}`;
  book.take(answer.granted, 1, holder);
  return answer.granted.flatMap(({ places }) => places);
}

describe("counting and exclusive", () => {
  it("counts up to its count, and then says who has it", () => {
    const book = new LockBook([lock({ maxCount: 3, places: 3 })]);
    expect(take(book, two, W1, "a #1")).toEqual([1, 2]);
    expect(take(book, two, W2, "b #4")).toBe("db: held by a #1");
    expect(take(book, one, W2, "b #4")).toEqual([3]);
    expect(take(book, one)).toBe("db: held by a #1 and 1 more");
    expect(take(book, { ...one, count: 0 })).toEqual([]);
    expect(take(book, alone)).toBe("db: held by a #1 and 1 more");
  });

  it("is had alone, all places of it, and by nobody else then", () => {
    const book = new LockBook([lock({ maxCount: 2, places: 5 })]);
    expect(take(book, alone)).toEqual([1, 2, 3, 4, 5]);
    expect(take(book, one)).toBe("db: held by a #1");
    expect(take(book, alone)).toBe("db: held by a #1");
  });

  it("is one for all workers, or one on each, with counts of their own", () => {
    const each = new LockBook([
      lock({ kind: "WorkerLock", maxCountForWorker: { w2: 2 }, places: 2 }),
    ]);
    expect(take(each, one, W1)).toEqual([1]);
    expect(take(each, one, W1)).toBe("db: held by a #1");
    expect(take(each, one, W2)).toEqual([1]);
    expect(take(each, one, W2)).toEqual([2]);
    const all = new LockBook([lock()]);
    expect(take(all, one, W1)).toEqual([1]);
    expect(take(all, one, W2)).toBe("db: held by a #1");
  });

  it("lets no owner go when its count shrinks, and counts them", () => {
    const owner = { scope: 0, isExclusive: false, buildId: 1, stepId: null, holder: "a #1" };
    const owners = [2, 3].map((place) => ({ ...owner, place }));
    const book = (maxCount: number) => new LockBook([lock({ maxCount, places: 3, owners })]);
    expect(take(book(2), one)).toBe("db: held by a #1");
    expect(take(book(3), one)).toEqual([1]);
  });
});

describe("the line", () => {
  const waiting = (given: object) => ({
    ...{ scope: 0, isExclusive: false, count: 1, stepId: 5, holder: "c #2" },
    ...given,
  });

  it("is not passed by: neither who waits to be alone nor the counts that are wanted", () => {
    const first = new LockBook([lock({ waiters: [waiting({ isExclusive: true })] })]);
    expect(take(first, one)).toBe("db: which c #2 waited for before");
    const some = new LockBook([lock({ maxCount: 3, waiters: [waiting({ count: 2 })] })]);
    expect(take(some, two)).toBe("db: which c #2 waited for before");
    expect(take(some, one)).toEqual([1]);
    expect(take(some, alone)).toMatch("held by");
  });

  it("is as long for a step as those who came before it", () => {
    const waiters = [waiting({ stepId: 4 }), waiting({ stepId: 5, isExclusive: true })];
    const book = new LockBook([lock({ waiters })]);
    expect(book.ask([one], W1, 4)).toEqual({
      granted: [{ lockId: 7, scope: 0, places: [1], isExclusive: false }],
    });
    expect(book.ask([alone], W1, 5)).toMatchObject({ refused: { lock: "db" } });
    expect(book.ask([one], W1, 6)).toMatchObject({ refused: { lock: "db" } });
  });

  it("is joined by a request that lacks nothing else", () => {
    const book = new LockBook([lock({ maxCount: 2, places: 2 })]);
    take(book, one);
    book.wait([alone], W1, "nightly");
    expect(take(book, one)).toBe("db: which nightly waited for before");
  });
});

it("gives all locks or none", () => {
  const book = new LockBook([lock(), lock({ id: 8, name: "port" })]);
  const port = { ...one, name: "port" };
  take(book, port);
  expect(book.ask([one, port], W1)).toEqual({ refused: { lock: "port", why: "held by a #1" } });
  expect(take(book, one)).toEqual([1]);
  // A lock that is no more keeps nobody.
  expect(book.ask([{ ...one, name: "gone" }], W1)).toEqual({ granted: [] });
});

it("reads what was written, and holds a lock once however often it is named", () => {
  const read = accessesOf(["a", { name: "b", mode: "exclusive" }, { name: "c", count: 3 }]);
  expect(read).toEqual([
    { name: "a", isExclusive: false, count: 1 },
    { name: "b", isExclusive: true, count: 1 },
    { name: "c", isExclusive: false, count: 3 },
  ]);
  expect(accessesOf("a")).toEqual([]);
  expect(strongest([one, alone, two, { ...one, name: "x" }])).toEqual([
    { name: "db", isExclusive: true, count: 2 },
    { ...one, name: "x" },
  ]);
});
