/** Guarantee: a failed log opens where people would look first, not at a word that looks like it. */
import { expect, test } from "vitest";
import { firstError, readsLikeError } from "../../../../../server/domain/builds/first-error";

test.each([
  "src/a.c:12:3: error: expected ';'",
  "fatal: repository not found",
  "error[E0308]: mismatched types",
  "\u001b[31mFAIL\u001b[0m tests/brake.test.ts",
  "FAILED (failures=1)",
  "Traceback (most recent call last):",
  "make: *** [Makefile:3: all] Error 2",
  "sh: 1: nosuch: command not found",
  "main.cs(4,2): error CS1002: ; expected",
])("%j reads like an error", (line) => expect(readsLikeError(line)).toBe(true));

test.each([
  "0 errors, 3 warnings: error: none",
  "cc -Werror -o a a.c",
  "installing error-handler",
  "all tests passed",
])("%j does not", (line) => expect(readsLikeError(line)).toBe(false));

test("headers are ours and never count", () => {
  expect(
    firstError([
      { number: 0, stream: "header", text: "error: no" },
      { number: 1, stream: "stdout", text: "fine" },
      { number: 2, stream: "stderr", text: "error: yes" },
    ]),
  ).toBe(2);
  expect(firstError([])).toBeNull();
});
