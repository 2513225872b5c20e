// Guarantee: a log is live at once, and a trickle of hours does not leave a chunk per line.
import { expect, it } from "vitest";
import { flushDelayMs } from "../../../../server/logs/write/flush-delay";

it("waits 50 ms at first and a second at most", () => {
  expect(flushDelayMs(0, 0)).toBe(50);
  expect(flushDelayMs(300, 100)).toBe(300);
  expect(flushDelayMs(1_000_000, 100)).toBe(1000);
});

it("writes a line after a silence soon", () => {
  expect(flushDelayMs(1_000_000, 6000)).toBe(50);
});

it("keeps ten lines a second for eight hours to some 30,000 chunks", () => {
  let chunks = 0;
  for (let at = 0; at < 8 * 3600 * 1000; ) {
    at += Math.max(100, flushDelayMs(chunks, 100));
    chunks += 1;
  }
  expect(chunks).toBeLessThan(30_000);
});
