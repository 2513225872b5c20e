// Guarantee: completion offers what may stand at the cursor, in blocks and in braces, in text that
// is not finished; and an option under the pointer is explained.
import { describe, expect, it } from "vitest";
import {
  explain,
  suggest,
} from "../../../../../../../app/[org]/settings/configuration/editor/vocabulary";
import { documentSchemas } from "../../../../../../../server/config";

const VOCABULARY = {
  schema: documentSchemas().file,
  names: { workers: ["linux", "mac"], builders: ["tests"], secrets: ["deploy/key"] },
};
const BUILDER = "projects:\n  p:\n    builders:\n      - name: b\n        ";

/** `|` is the cursor. */
const offered = (text: string) =>
  suggest(VOCABULARY, text.replace("|", ""), text.indexOf("|"))?.suggestions.map(
    ({ label }) => label,
  ) ?? [];

describe("offers", () => {
  it.each([
    ["names at the top", "wor|", "workers"],
    ["kinds", "workers:\n  - type: |", "LocalWorker"],
    ["options of the kind", "workers:\n  - type: LocalWorker\n    |", "workdir"],
    ["options in braces", "workers:\n  - {type: Worker, name: a, pass|", "password"],
    [
      "secrets for a password",
      "workers:\n  - {type: Worker, password: |}",
      "%(secret:deploy/key)s",
    ],
    ["workers in brackets", `${BUILDER}workernames: [l|`, "linux"],
    ["workers in lines", `${BUILDER}workernames:\n          - |`, "mac"],
    ["truth", `${BUILDER}factory:\n          - {type: ShellCommand, haltOnFailure: |`, "true"],
    ["behind a comment with a brace", "workers: []\n# a {comment\npro|", "projects"],
  ])("%s", (_, text, label) => {
    expect(offered(text)).toContain(label);
  });

  it("not what stands there, and nothing of another kind", () => {
    expect(offered("workers:\n  - type: Worker\n    |\n    max_builds: 1")).not.toContain(
      "max_builds",
    );
    expect(offered("workers:\n  - type: Worker\n    |")).not.toContain("workdir");
    expect(offered("# wor|")).toEqual([]);
  });
});

it("explains the option under the pointer", () => {
  const text = "workers:\n  - type: Worker\n    password: x";
  expect(explain(VOCABULARY, text, text.indexOf("word: x"))?.about).toContain("secret store");
  expect(explain(VOCABULARY, text, text.length)).toBeNull();
});
