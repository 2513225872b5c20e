/** Guarantee: a red build opens on its first failed step, a running one on what runs. */
import { expect, test } from "vitest";
import {
  logToOpen,
  nextFailed,
  stepToOpen,
} from "../../../../../../../../app/[org]/builders/[builderId]/builds/[number]/focus";

const step = (number: number, result: number | null, state = "finished", lines = 5) => ({
  number,
  state,
  result,
  isHidden: false,
  logs: lines === 0 ? [] : [{ slug: "stdio", lineCount: lines }],
});

test("first failed step of a red build", () => {
  const steps = [step(0, 0), step(1, 2), step(2, 2)];
  expect(stepToOpen({ state: "finished", result: 2, steps })?.number).toBe(1);
});

test("a failure that did not count does not draw the eye of a green build", () => {
  const steps = [step(0, 2), step(1, 0)];
  expect(stepToOpen({ state: "finished", result: 0, steps })?.number).toBe(1);
});

test("what runs, in a running build", () => {
  const steps = [step(0, 0), step(1, null, "running"), step(2, null, "pending", 0)];
  expect(stepToOpen({ state: "running", result: null, steps })?.number).toBe(1);
});

test("nothing to open in a build without steps", () => {
  expect(stepToOpen({ state: "finished", result: 4, steps: [] })).toBeNull();
});

test("the standard log, unless another is named", () => {
  const logs = [
    { slug: "config", lineCount: 2 },
    { slug: "stdio", lineCount: 2 },
  ];
  expect(logToOpen(logs, null)?.slug).toBe("stdio");
  expect(logToOpen(logs, "config")?.slug).toBe("config");
  expect(logToOpen([], "config")).toBeNull();
});

test("next failed walks round", () => {
  const steps = [step(0, 2), step(1, 0), step(2, 4)];
  expect(nextFailed(steps, 0)?.number).toBe(2);
  expect(nextFailed(steps, 2)?.number).toBe(0);
  expect(nextFailed([step(0, 0)], null)).toBeNull();
});
