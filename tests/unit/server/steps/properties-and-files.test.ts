// Guarantees: steps that set properties take what they are told and nothing else; steps on files
// say plainly what they found (CORE §5.3).
import { expect, test } from "vitest";
import { FAILURE, SUCCESS } from "../../../../server/domain/builds";
import type { JsonValue } from "../../../../server/domain/properties";
import { ended, runStep } from "../../../support/run-step";

const fromCommand = (options: object) =>
  ({ type: "SetPropertyFromCommand", command: "x", property: "p", ...options }) as Record<
    string,
    JsonValue
  >;

test.each<[object, string]>([
  [{}, "out"],
  [{ strip: false }, " out\n"],
  [{ includeStderr: true }, "out\nerr"],
  [{ includeStdout: false, includeStderr: true }, "err"],
])("SetPropertyFromCommand %j gives %j", async (options, value) => {
  const answer = () => ({ stdout: " out\n", stderr: "err\n" });
  const { properties } = await runStep(fromCommand(options), answer);
  expect(properties.p).toEqual([value, "SetPropertyFromCommand Step"]);
});

test("what is too long for a property fails", async () => {
  const { outcome, properties } = await runStep(fromCommand({}), () => ({ isCut: true }));
  expect([outcome.result, properties]).toEqual([FAILURE, {}]);
});

test("SetPropertiesFromEnv, with Windows' idea of names", async () => {
  const options = { type: "SetPropertiesFromEnv", variables: ["Path", "NONE"] };
  const worker = {
    system: "nt",
    basedir: "c:\\w",
    version: "4",
    commands: {},
    environ: { PATH: "x" },
  };
  const { properties, headers } = await runStep(options, undefined, { worker });
  expect(properties).toEqual({ Path: ["x", "WorkerEnvironment"] });
  expect(headers).toContain("NONE: the worker has no such variable");
});

test.each<[Record<string, JsonValue>, object]>([
  [
    { type: "MakeDirectory", dir: "a/b" },
    { name: "mkdir", args: { dir: "a/b" } },
  ],
  [
    { type: "RemoveDirectory", dir: ["a", "b"] },
    { name: "rmdir", args: { dir: ["a", "b"] } },
  ],
  [
    { type: "CopyDirectory", src: "a", dest: "b" },
    { name: "cpdir", args: { fromdir: "a", todir: "b", timeout: 120, maxTime: null } },
  ],
  [
    { type: "FileExists", file: "x" },
    { name: "stat", args: { file: "x" } },
  ],
])("%j asks the worker", async (options, command) => {
  const { commands } = await runStep(options);
  expect(commands).toEqual([command]);
});

test.each([
  [0, 0o100644, SUCCESS, "file found"],
  [0, 0o040755, FAILURE, "not a file"],
  [2, null, FAILURE, "file not found"],
])("FileExists with status %d and mode %d", async (rc, mode, result, summary) => {
  const { outcome } = await runStep({ type: "FileExists", file: "x" }, () => ({
    end: ended(rc),
    ...(mode === null ? {} : { stat: [mode] }),
  }));
  expect(outcome).toEqual({ result, summary });
});
