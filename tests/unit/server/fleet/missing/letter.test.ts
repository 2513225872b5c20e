/** The mail names the worker, who looks after it, when it was seen, and its page (W-075). */
import { expect, test } from "vitest";
import { subjectOf, textOf } from "../../../../../server/fleet/missing/letter";

const FACTS = {
  workerId: 7,
  name: "linux-1",
  orgSlug: "main",
  orgName: "Main",
  admin: "Ada <ada@example.org>",
  lostAt: new Date("2026-02-03T04:05:06.789Z"),
  hasEverConnected: true,
  timeoutSeconds: 3600,
};

test("all that somebody needs who reads it on a phone", () => {
  expect(subjectOf(FACTS)).toBe("Buildbot worker linux-1 missing");
  expect(textOf(FACTS, "https://ci.example.org")).toMatchInlineSnapshot(`
    "The worker linux-1 of Main has not been connected for 1 hour.

    Last seen:      2026-02-03 04:05:06 UTC
    Timeout:        3600 s (missing_timeout)
    Administrator:  Ada <ada@example.org>
    Its page:       https://ci.example.org/main/workers/7

    This is said once. The next mail comes when it has connected and is lost again.
    "
  `);
});

test("what a worker says of itself cannot write lines of its own", () => {
  const admin = `Eve\n\nTimeout: never\u2028\u0007${"x".repeat(2000)}`;
  const text = textOf({ ...FACTS, admin }, "https://ci.example.org");
  expect(text.split("\n")).toHaveLength(9);
  expect(text).toContain("Administrator:  Eve Timeout: never xxx");
  expect(text.length).toBeLessThan(1_000);
});

test.each([
  [1, "1 second"],
  [90, "90 seconds"],
  [600, "10 minutes"],
  [172_800, "2 days"],
])("%i s is %s", (timeoutSeconds, words) => {
  expect(textOf({ ...FACTS, timeoutSeconds, admin: null }, "x")).toContain(
    `connected for ${words}.`,
  );
});
