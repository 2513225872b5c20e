// Guarantee: a worker's log starts anew at the size it was given, and as many former ones are kept as
// were asked for: a number, all, none; or it is one file that grows.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { logTo } from "../../../../workers-runtime/cli/log-file";
import { DEFAULTS } from "../../../../workers-runtime/cli/settings";

let dir = "";

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "slipway-log-"));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Ten lines, each longer than half a file. */
function logged(logSize: number | null, logCount: number | null): Record<string, string> {
  const settings = { ...DEFAULTS, master: "h", name: "w", password: "p", logSize, logCount };
  const path = join(dir, "twistd.log");
  // A worker that is started again goes on where the former one was.
  for (const half of [0, 5]) {
    const log = logTo(path, settings);
    for (let number = 0; number < 5; number++) log(`line ${half + number} ${"é".repeat(20)}`);
  }
  const names = readdirSync(dir).sort();
  const last = (name: string) => /line (\d)/.exec(readFileSync(join(dir, name), "utf8"))?.[1] ?? "";
  return Object.fromEntries(names.map((name) => [name.replace("twistd.log", ""), last(name)]));
}

it("keeps the number it was told, the youngest first", () => {
  expect(logged(100, 2)).toEqual({ "": "9", ".1": "8", ".2": "7" });
});

it("keeps all, or none", () => {
  expect(Object.keys(logged(100, null))).toHaveLength(10);
  rmSync(dir, { recursive: true });
  dir = mkdtempSync(join(tmpdir(), "slipway-log-"));
  expect(logged(100, 0)).toEqual({ "": "9" });
});

it("is one file without rotation", () => {
  expect(logged(null, 10)).toEqual({ "": "0" });
});
