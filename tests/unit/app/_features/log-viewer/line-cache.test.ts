// Guarantee: every line is shown once and in its place, however requests end, and memory is bounded.
import { describe, expect, it } from "vitest";
import {
  LineCache,
  type LineCacheOptions,
  PAGE_LINES,
} from "../../../../../app/_features/log-viewer/line-cache";
import type { Line } from "../../../../../app/_features/log-viewer/source";

interface Request {
  readonly from: number;
  readonly count: number;
  answer(lines?: number): Promise<void>;
  refuse(): Promise<void>;
}

const line = (number: number): Line => ({ number, stream: "stdout", text: `line ${number}` });
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function setUp(options: Partial<LineCacheOptions> = {}) {
  const requests: Request[] = [];
  const retries: (() => void)[] = [];
  let changes = 0;
  const cache = new LineCache({
    fetch: (from, count) =>
      new Promise((resolve, reject) => {
        requests.push({
          from,
          count,
          answer: (lines = count) => {
            resolve(Array.from({ length: lines }, (_, n) => line(from + n)));
            return settle();
          },
          refuse: () => {
            reject(new Error("away"));
            return settle();
          },
        });
      }),
    onChange: () => {
      changes += 1;
    },
    retryLater: (work) => {
      retries.push(work);
      return () => {};
    },
    ...options,
  });
  return { cache, requests, retries, changes: () => changes };
}

describe("asking", () => {
  it("begins with what is on the screen, then its neighbours", async () => {
    const { cache, requests } = setUp();
    cache.want(1000, 1050, 100_000);
    expect(requests.map((request) => request.from)).toEqual([1000, 1200, 800]);
    await requests[0]?.answer();
    expect(cache.get(1049)?.text).toBe("line 1049");
    expect(cache.has(1000, 1200)).toBe(true);
    expect(cache.has(1000, 1201)).toBe(false);
  });

  it("forgets what a fast scroll has passed", async () => {
    const { cache, requests } = setUp({ maxRequests: 1 });
    for (let first = 0; first < 50_000; first += 1000) cache.want(first, first + 50, 1_000_000);
    await requests[0]?.answer();
    expect(requests.map((request) => request.from)).toEqual([0, 49_000]);
  });

  it("never asks beyond the end", () => {
    const { cache, requests } = setUp();
    cache.want(0, 50, 130);
    expect(requests.map(({ from, count }) => [from, count])).toEqual([[0, 130]]);
  });
});

describe("a growing log", () => {
  it("is filled from the first missing line, without gap or repeat", async () => {
    const { cache, requests } = setUp();
    cache.want(0, 50, 30);
    await requests[0]?.answer();
    cache.want(0, 50, 250);
    expect(requests[1]).toMatchObject({ from: 30, count: PAGE_LINES - 30 });
    await requests[1]?.answer();
    for (let number = 0; number < PAGE_LINES; number += 1) {
      expect(cache.get(number)?.number).toBe(number);
    }
  });

  it("asks on when an answer is shorter than asked for", async () => {
    const { cache, requests } = setUp();
    cache.want(0, 50, 100);
    await requests[0]?.answer(40);
    expect(requests[1]).toMatchObject({ from: 40, count: 60 });
    await requests[1]?.answer();
    expect(cache.has(0, 100)).toBe(true);
  });
});

it("tries again after a failure, and says so meanwhile", async () => {
  const { cache, requests, retries } = setUp();
  cache.want(0, 50, 100);
  await requests[0]?.refuse();
  expect(cache.isFailing).toBe(true);
  retries[0]?.();
  await requests[1]?.answer();
  expect(cache.isFailing).toBe(false);
  expect(cache.has(0, 100)).toBe(true);
});

it("throws away what was shown longest ago, never what is shown", async () => {
  const { cache, requests } = setUp({ maxPages: 6, maxRequests: 10 });
  for (let first = 0; first < 20_000; first += 1000) {
    cache.want(first, first + 50, 1_000_000);
    while (requests.length > 0) await requests.shift()?.answer();
    expect(cache.has(first, first + 200)).toBe(true);
    expect(cache.pageCount).toBeLessThanOrEqual(6);
  }
  expect(cache.get(0)).toBeUndefined();
});
