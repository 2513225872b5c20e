/** What a worker says can always be stored: a text that PostgreSQL refuses would keep a build from ending. */
import { expect, test } from "vitest";
import { jsonText, storableText } from "../../../../server/db/json-text";

test("null characters and halves of pairs are replaced, all else stays", () => {
  expect(storableText("a\0b\ud800c\udc00d😀e")).toBe("a\uFFFDb\uFFFDc\uFFFDd😀e");
  const value = { ok: ["text", 1, null, true, { "\\u0000": "\\ud800 as text" }] };
  expect(JSON.parse(jsonText(value))).toEqual(value);
  expect(JSON.parse(jsonText({ "k\0": ["\0", { deep: "\udfff" }] }))).toEqual({
    "k\uFFFD": ["\uFFFD", { deep: "\uFFFD" }],
  });
});
