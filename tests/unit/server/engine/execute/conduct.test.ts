/** What counts against a worker, what clears it, and what says nothing of it (W-091, W-093, A-05). */
import { expect, test } from "vitest";
import {
  CANCELLED,
  EXCEPTION,
  FAILURE,
  RETRY,
  SKIPPED,
  SUCCESS,
  WARNINGS,
} from "../../../../../server/domain/builds";
import { conductOf, type EndedBuild } from "../../../../../server/engine/execute/conduct";

const end = (over: Partial<EndedBuild>) =>
  conductOf({
    result: SUCCESS,
    reason: "why",
    isPrepared: true,
    stop: null,
    isUnanswered: false,
    ...over,
  });
const bad = { kind: "misbehaved", reason: "why" };

test.each([SUCCESS, WARNINGS, FAILURE, SKIPPED, CANCELLED])("result %i clears it", (result) => {
  expect(end({ result })).toEqual({ kind: "behaved" });
});

test("an exception counts, in a step as in the preparation", () => {
  expect(end({ result: EXCEPTION })).toEqual(bad);
  expect(end({ result: EXCEPTION, isPrepared: false })).toEqual(bad);
  // Somebody stopped it, and a step broke before it could obey.
  expect(end({ result: EXCEPTION, stop: { result: CANCELLED } })).toEqual(bad);
});

test("a worker that does not answer before a build counts; a lost connection does not", () => {
  expect(end({ result: RETRY, isPrepared: false, isUnanswered: true })).toEqual(bad);
  expect(end({ result: RETRY, isPrepared: false })).toEqual({ kind: "unknown" });
  expect(end({ result: RETRY })).toEqual({ kind: "unknown" });
});

test("a preparation that a person stopped, and an exception that a person asked for, do not", () => {
  const stop = { result: CANCELLED };
  const ask = { result: EXCEPTION };
  expect(end({ result: EXCEPTION, isPrepared: false, stop })).toEqual({ kind: "unknown" });
  expect(end({ result: RETRY, isPrepared: false, stop, isUnanswered: true })).toEqual({
    kind: "unknown",
  });
  expect(end({ result: EXCEPTION, stop: ask })).toEqual({ kind: "unknown" });
});
