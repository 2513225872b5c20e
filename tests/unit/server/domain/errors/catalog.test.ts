// Guards: every error a person can meet has a page that says what to do about it.
import { existsSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { AppError, CATALOG } from "../../../../../server/domain/errors";

test.each(Object.keys(CATALOG))("%s has its page", (code) => {
  expect(existsSync(`docs/errors/${code}.md`)).toBe(true);
});

test("no page is about an error that is gone", () => {
  const known = new Set(Object.keys(CATALOG).map((code) => `${code}.md`));
  expect(readdirSync("docs/errors").filter((page) => !known.has(page))).toEqual([]);
});

test("details fill the message", () => {
  expect(new AppError("request.not-found", { what: "build" }).message).toBe("build not found");
});
