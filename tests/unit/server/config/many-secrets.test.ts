// Guarantee: taking passwords out of a document walks its text as often for many workers as for a few,
// even when a password is also a word of the text; and none stays in a comment.
import { expect, it, vi } from "vitest";
import { Lexer } from "yaml";
import { checkConfig } from "../../../../server/config/check";
import { prepare } from "../../../../server/config/take-out";

function walks(
  count: number,
  passwordOf: (index: number) => string,
): { text: string; walks: number } {
  const lines = Array.from({ length: count }, (_, index) => [
    `  - {type: Worker, name: bot${index}, password: ${passwordOf(index)}}`,
    `  # was ${passwordOf(index)} before`,
  ]).flat();
  const { documents } = checkConfig(`workers:\n${lines.join("\n")}\n`);
  if (!documents) throw new Error("the document is not valid");
  const lex = vi.spyOn(Lexer.prototype, "lex");
  const [own] = prepare(documents, () => "");
  const { length } = lex.mock.calls;
  lex.mockRestore();
  return { text: own?.text ?? "", walks: length };
}

it.each<[string, (index: number) => string]>([
  ["one password for all, which is a word of the text", () => "pass"],
  ["one for each", (index) => `hidden-${index}-x`],
])("%s", (_, passwordOf) => {
  const few = walks(3, passwordOf);
  const many = walks(200, passwordOf);
  expect(many.walks).toBe(few.walks);
  expect(many.text).not.toMatch(/was (pass|hidden)/);
  expect(many.text.match(/# was \.\.\. before/g)).toHaveLength(200);
});
