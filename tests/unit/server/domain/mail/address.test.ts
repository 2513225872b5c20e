/** An address is one line of a header, and never more. */
import { expect, test } from "vitest";
import { addressProblem, senderProblem } from "../../../../../server/domain/mail";

test.each([
  "ops@example.org",
  "first.last+tag@sub.example.org",
  "o'neill@example.org",
  "root@localhost",
  "post@größe.example",
])("%s is an address", (text) => expect(addressProblem(text)).toBeNull());

test.each([
  "",
  "ops",
  "@example.org",
  "ops@",
  "a b@example.org",
  "a@b@example.org",
  ".a@example.org",
  "a..b@example.org",
  "a@-example.org",
  "a@example..org",
  "a@example.org\r\nBcc: b@example.org",
  "a@example.org\n",
  "a@example.org,b@example.org",
  "<a@example.org>",
  `${"a".repeat(65)}@example.org`,
  `a@${"b".repeat(300)}.org`,
  "a@exam\u0000ple.org",
  "a\u2028@example.org",
])("%j is none", (text) => expect(addressProblem(text)).toMatch(/is not an e-mail address/));

test("a sender may carry a name, and nothing else", () => {
  expect(senderProblem("ci@example.org")).toBeNull();
  expect(senderProblem("Team Größe <ci@example.org>")).toBeNull();
  for (const text of [
    "A\r\nB <ci@example.org>",
    'A" <ci@example.org>',
    "A <ci>",
    "<ci@example.org> B",
  ]) {
    expect(senderProblem(text)).not.toBeNull();
  }
});
