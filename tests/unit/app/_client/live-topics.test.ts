/** Guarantee: an event reaches each subscription it concerns, and growing logs do not renew pages. */
import { expect, test } from "vitest";
import { isLogGrowth, subscriptionsOf } from "../../../../app/_client/live-topics";

test.each([
  [
    { topic: "builds/12/finished", body: { builderId: 3, workerId: 4 } },
    ["builds", "build:12", "builder:3", "worker:4"],
  ],
  [{ topic: "steps/9/started", body: { buildId: 12 } }, ["build:12"]],
  [{ topic: "logs/7/append", body: { buildId: 12, lines: 3 } }, ["log:7", "build:12"]],
  [{ topic: "buildrequests/5/new", body: { builderId: 3 } }, ["requests", "builder:3"]],
  [{ topic: "workers/4/connected", body: null }, ["workers", "worker:4"]],
  [{ topic: "config/activated", body: {} }, ["config"]],
])("%j", (event, names) => expect(subscriptionsOf(event)).toEqual(names));

test("only growth is growth", () => {
  expect(isLogGrowth({ topic: "logs/7/append", body: {} })).toBe(true);
  expect(isLogGrowth({ topic: "logs/7/finished", body: {} })).toBe(false);
});
