// Guarantee: a command line in a log header can be pasted into a shell, and an argv reads as known.
import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { pythonList, shellLine } from "../../../../workers-runtime/process/quote";

it("quotes words so that a shell gives them back", () => {
  const words = ["plain-1.0/x", "two words", "it's", "", "$HOME", "`id`", "a\nb", "é", "*"];
  const script = `for word in ${shellLine(words)}; do printf '%s\\0' "$word"; done`;
  const given = execFileSync("/bin/sh", ["-c", script]).toString();
  expect(given.split("\0").slice(0, -1)).toEqual(words);
  expect(shellLine(["echo", "hi"])).toBe("echo hi");
});

it("writes an argv as Python does", () => {
  expect(pythonList(["sh", "-c", "it's"])).toBe(`[b'sh', b'-c', b"it's"]`);
  expect(pythonList([`'"`, "a\n\t\\", "é"])).toBe(String.raw`[b'\'"', b'a\n\t\\', b'\xc3\xa9']`);
});
