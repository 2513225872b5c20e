/**
 * A ShellCommand sends what its options say, with Buildbot's defaults, and its exit status becomes
 * the result that people know (CORE §5.2).
 */
import { expect, test } from "vitest";
import { RESULTS, type ResultName } from "../../../../server/domain/builds";
import type { Command, CommandEnd, ShellArgs } from "../../../../server/domain/wire";
import { makeStep } from "../../../../server/steps";

const ended = (rc: number | null, failureReason: string | null = null): CommandEnd => ({
  kind: "completed",
  rc,
  elapsedSeconds: 1,
  failureReason: failureReason as never,
});

async function run(options: object, end: CommandEnd, isStopped = false) {
  const step = makeStep({ type: "ShellCommand", command: ["make", "test"], ...options });
  const headers: string[] = [];
  let sent: Command | null = null;
  const stop = new AbortController();
  if (isStopped) stop.abort("enough");
  const outcome = await step.run({
    properties: {},
    env: { LANG: "C", PATH: ["/a", "/b"] },
    stop: stop.signal,
    header: (text) => headers.push(text),
    async command(command) {
      sent = command;
      return end;
    },
  });
  const { name, args } = sent as unknown as { name: string; args: ShellArgs };
  expect(name).toBe("shell");
  return { step, outcome, args, headers: headers.join("") };
}

test("Buildbot's defaults", async () => {
  const { step, args } = await run({}, ended(0));
  expect(args).toEqual({
    command: ["make", "test"],
    workdir: "build",
    env: { LANG: "C", PATH: ["/a", "/b"] },
    want_stdout: true,
    want_stderr: true,
    logfiles: {},
    timeout: 1200,
    maxTime: null,
    sigtermTime: null,
    interruptSignal: "KILL",
    usePTY: false,
    logEnviron: true,
    initial_stdin: null,
  });
  expect(step).toMatchObject({
    name: "shell",
    doStepIf: true,
    isHidden: false,
    description: "'make test'",
    flags: { haltOnFailure: false, flunkOnFailure: true, alwaysRun: false },
  });
});

test("options go through: nested argv, an environment of its own, limits, null for none", async () => {
  const { args } = await run(
    { command: ["a", ["b", ["c"]]], env: { LANG: null, X: "1" }, timeout: null, max_lines: 5 },
    ended(0),
  );
  expect(args).toMatchObject({
    command: ["a", "b", "c"],
    env: { LANG: null, X: "1", PATH: ["/a", "/b"] },
    timeout: null,
    max_lines: 5,
  });
});

test.each<[object, CommandEnd, ResultName, string]>([
  [{}, ended(0), "SUCCESS", "'make test'"],
  [{}, ended(2), "FAILURE", "'make test' (failure)"],
  [{}, ended(null), "FAILURE", "'make test' (failure)"],
  [{}, ended(-1, "timeout"), "FAILURE", "'make test' (timed out)"],
  [{}, ended(-1, "timeout_without_output"), "FAILURE", "'make test' (timed out)"],
  [{}, ended(-1, "max_lines_failure"), "FAILURE", "'make test' (max lines reached)"],
  [
    { decodeRC: { "0": "SUCCESS", "3": "WARNINGS" } },
    ended(3),
    "WARNINGS",
    "'make test' (warnings)",
  ],
  [{ decodeRC: { "1": "SUCCESS" } }, ended(0), "FAILURE", "'make test' (failure)"],
  [{ decodeRC: { "77": "SKIPPED" } }, ended(77), "SKIPPED", "'make test' (skipped)"],
  [
    { description: ["running", "tests"], descriptionDone: "tests", descriptionSuffix: "fast" },
    ended(0),
    "SUCCESS",
    "tests fast",
  ],
  [{}, { kind: "lost", message: "gone" }, "RETRY", "'make test' (worker lost)"],
  [{}, { kind: "failed", message: "no such command" }, "EXCEPTION", "'make test' (exception)"],
])("%j and %j", async (options, end, result, summary) => {
  const { outcome } = await run(options, end);
  expect(outcome).toEqual({ result: RESULTS[result], summary });
});

test("interrupted is cancelled, whatever the exit status", async () => {
  const { outcome } = await run({}, ended(0), true);
  expect(outcome.result).toBe(RESULTS.CANCELLED);
});

test.each([
  { command: [] },
  { command: "" },
  { command: ["a\0b"] },
  { timeout: 0 },
  { unheardOf: 1 },
  { interruptSignal: "SIGTERM; rm" },
  { decodeRC: { "0": "FINE" } },
  { env: { "A=B": "c" } },
  { name: "x".repeat(51) },
])("%j is refused", (options) => {
  expect(() => makeStep({ type: "ShellCommand", command: ["make"], ...options })).toThrow();
});

test("the text for a list of steps is short", () => {
  const description = (command: unknown) => makeStep({ type: "ShellCommand", command }).description;
  expect(description("make -j4 all install")).toBe("'make -j4 ...'");
  expect(description(["true"])).toBe("'true'");
});
