/**
 * A ShellCommand sends what its options say, with Buildbot's defaults, and its exit status becomes
 * the result that people know (CORE §5.2).
 */
import { expect, test } from "vitest";
import { RESULTS, type ResultName } from "../../../../server/domain/builds";
import type { JsonValue } from "../../../../server/domain/properties";
import type { CommandEnd, ShellArgs } from "../../../../server/domain/wire";
import { steps } from "../../../../server/steps";
import { ended, runStep } from "../../../support/run-step";

const shell = (options: object) =>
  ({ type: "ShellCommand", command: ["make", "test"], ...options }) as Record<string, JsonValue>;

async function run(options: object, end: CommandEnd, more: Parameters<typeof runStep>[2] = {}) {
  const env = { LANG: "C", PATH: ["/a", "/b"] };
  const ran = await runStep(shell(options), () => ({ end }), { env, ...more });
  const [command] = ran.commands;
  if (command?.name !== "shell" || ran.commands.length > 1)
    throw new Error("not one shell command");
  return { ...ran, args: command.args as ShellArgs };
}

test("Buildbot's defaults", async () => {
  const { plan, args, description, doStepIf } = await run({}, ended(0));
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
  expect({ description, doStepIf }).toEqual({ description: "'make test'", doStepIf: true });
  expect(plan).toMatchObject({
    name: "shell",
    isHidden: false,
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
  const { outcome } = await run({}, ended(0), { isStopped: true });
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
  expect(() => steps.make(shell(options), shell(options))).toThrow();
});

test("the text for a list of steps is short", () => {
  const description = (command: unknown) => {
    const options = shell({ command });
    return steps.make(options, options).description;
  };
  expect(description("make -j4 all install")).toBe("'make -j4 ...'");
  expect(description(["true"])).toBe("'true'");
});

test("hidden values are in nothing that a worker prints", async () => {
  const shown = shell({ command: ["curl", "-H", "<TOKEN>"] });
  const list = await run({ command: ["curl", "-H", "hunter22"] }, ended(0), { shown });
  expect(list.args.command).toEqual(["curl", "-H", { real: "hunter22", shown: "<TOKEN>" }]);
  expect(list.args.logEnviron).toBe(true);
  expect(list.description).toBe("'curl -H ...'");

  const text = await run({ command: "x hunter22" }, ended(0), {
    shown: shell({ command: "x <T>" }),
  });
  expect(text.args.command).toEqual(["/bin/sh", "-c", { real: "x hunter22", shown: "x <T>" }]);
  expect(text.description).toBe("'x <T>'");

  const env = await run({ env: { A: "hunter22" } }, ended(0), {
    shown: shell({ env: { A: "<T>" } }),
  });
  expect(env.args).toMatchObject({ logEnviron: false, env: { A: "hunter22" } });
  const builder = await run({}, ended(0), { isEnvHidden: true });
  expect(builder.args.logEnviron).toBe(false);
});
