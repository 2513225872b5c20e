/**
 * A ForceScheduler is configured with Buildbot's classes and options; what is wrong with one is
 * found when the document is checked. Its form has the fields that Buildbot's API shows.
 */
import { describe, expect, it } from "vitest";
import {
  allFields,
  type Field,
  type ForceOptions,
  forceForm,
} from "../../../../server/domain/force";
import { forceSchema } from "../../../../server/schedulers/force/schema";

const base = { type: "ForceScheduler", name: "force", builderNames: ["b1"] };

const FULL = {
  ...base,
  label: "Run it",
  buttonName: "Go",
  reasonString: "%(owner)s: %(reason)s",
  username: { type: "UserNameParameter", need_email: false },
  priority: { type: "IntParameter", default: 3 },
  codebases: [
    "other",
    {
      type: "CodebaseParameter",
      codebase: "main",
      branch: { type: "ChoiceStringParameter", choices: ["a", "b"] },
      repository: "https://example.org/x",
      project: { type: "FixedParameter", default: "p" },
      revision: null,
      patch: { type: "PatchParameter" },
    },
  ],
  properties: [
    {
      type: "NestedParameter",
      name: "options",
      layout: "tabs",
      columns: 2,
      fields: [
        { type: "StringParameter", name: "s", regex: "^x", tooltip: "t", maxsize: 3 },
        { type: "BooleanParameter", name: "flag", default: true },
      ],
    },
    { type: "TextParameter", name: "t", rows: 4 },
    { type: "FileParameter", name: "f" },
    {
      type: "ChoiceStringParameter",
      name: "c",
      choices: ["1", "2"],
      multiple: true,
      default: ["1"],
      autopopulate: { "1": { t: "v" } },
    },
    { type: "WorkerChoiceParameter" },
    { type: "AnyPropertyParameter", name: "any" },
  ],
};

describe("what is accepted", () => {
  it("every parameter with its options", () => {
    expect(forceSchema.safeParse(FULL).error).toBeUndefined();
  });

  const codebase = { type: "CodebaseParameter", codebase: "x" };
  it.each([
    [
      "an unknown class",
      { properties: [{ type: "StrParameter", name: "x" }] },
      "properties.0.type",
      "is none of FixedParameter",
    ],
    [
      "a class that is to come",
      { properties: [{ type: "InheritBuildParameter", name: "x" }] },
      "properties.0.type",
      "not supported yet",
    ],
    ["a codebase among properties", { properties: [codebase] }, "properties.0.type", "is none of"],
    [
      "a reserved name",
      { properties: [{ type: "StringParameter", name: "builderid" }] },
      "properties.0.name",
      "reserved",
    ],
    [
      "a pattern with look-ahead",
      { properties: [{ type: "StringParameter", name: "x", regex: "(?=a)" }] },
      "properties.0.regex",
      "looking ahead",
    ],
    [
      "a default that is no choice",
      { properties: [{ type: "ChoiceStringParameter", name: "x", choices: ["a"], default: "b" }] },
      "properties.0.default",
      "none of the choices",
    ],
    [
      "a default of several",
      {
        properties: [{ type: "ChoiceStringParameter", name: "x", choices: ["a"], default: ["a"] }],
      },
      "properties.0.default",
      "must be text",
    ],
    [
      "five columns",
      {
        properties: [
          {
            type: "NestedParameter",
            name: "x",
            columns: 5,
            fields: [{ type: "IntParameter", name: "i" }],
          },
        ],
      },
      "properties.0.columns",
      "at most 4",
    ],
    [
      "an error deep inside",
      {
        properties: [
          {
            type: "NestedParameter",
            name: "x",
            fields: [{ type: "IntParameter", name: "i", default: "1" }],
          },
        ],
      },
      "properties.0.fields.0.default",
      "",
    ],
    [
      "one name twice",
      { properties: [{ type: "StringParameter", name: "branch" }] },
      "properties",
      'two parameters "branch"',
    ],
    ["no codebase at all", { codebases: [] }, "codebases", "asks for nothing"],
    [
      "a patch by another name",
      { codebases: [{ ...codebase, patch: { type: "PatchParameter", name: "diff" } }] },
      "codebases.0.patch.name",
      'must be "patch"',
    ],
    [
      "a sentence with an unknown word",
      { reasonString: "%(who)s" },
      "reasonString",
      "stands for nothing",
    ],
    ["an unknown option", { colour: "red" }, "", "colour"],
  ])("%s is refused", (_, part, path, message) => {
    const { error } = forceSchema.safeParse({ ...base, ...part });
    const issues = error?.issues.flatMap((issue) => flatten(issue, [])) ?? [];
    expect(issues.map((issue) => issue.path)).toContain(path);
    expect(issues.map((issue) => issue.message).join("\n")).toContain(message);
  });
});

/** Issues inside of unions too. */
function flatten(issue: unknown, above: PropertyKey[]): { path: string; message: string }[] {
  const {
    path,
    message,
    errors = [],
  } = issue as {
    path: PropertyKey[];
    message: string;
    errors?: unknown[][];
  };
  const here = [...above, ...path];
  return [
    { path: here.join("."), message },
    ...errors.flat().flatMap((inner) => flatten(inner, here)),
  ];
}

/** As Buildbot 3.7 shows the fields of this scheduler (its `getSpec`), name by name. */
describe("the form", () => {
  const form = forceForm("force", FULL as unknown as ForceOptions, ["bot"]);
  const byName = new Map<string | null, Field>();
  const walk = (fields: readonly Field[]) => {
    for (const field of fields) {
      byName.set(field.fullName ?? `(${field.label})`, field);
      walk(field.fields ?? []);
    }
  };
  walk(allFields(form));

  it.each([
    ["username", { type: "username", label: "Your name:", size: 30, need_email: false }],
    ["reason", { type: "text", label: "reason", default: "force build", size: 20 }],
    ["priority", { type: "int", default: 3 }],
    ["other", { type: "nested", label: "Codebase: other", layout: "vertical", columns: 2 }],
    ["other_branch", { type: "text", name: "branch", label: "Branch:", size: 10 }],
    ["main", { label: "Codebase: main" }],
    ["main_branch", { type: "list", choices: ["a", "b"], strict: true, default: "a" }],
    ["main_project", { type: "fixed", hide: true, default: "p" }],
    ["main_repository", { type: "fixed", hide: true, default: "https://example.org/x" }],
    ["main_patch", { type: "nested", columns: 1 }],
    ["main_patch_body", { type: "file", maxsize: 10_485_760 }],
    ["main_patch_level", { type: "int", default: 1 }],
    ["main_patch_subdir", { type: "text", default: "." }],
    ["options", { type: "nested", layout: "tabs", columns: 2, tablabel: "options" }],
    ["options_s", { regex: "^x", maxsize: 3, tooltip: "t", required: false, multiple: false }],
    ["t", { type: "textarea", cols: 80, rows: 4, size: 10 }],
    ["c", { type: "list", multiple: true, default: ["1"], autopopulate: { "1": { t: "v" } } }],
    ["workername", { type: "list", strict: false, choices: ["-any-", "bot"], default: "-any-" }],
    ["any_name", { type: "text", label: "Name:" }],
  ])("%s", (name, expected) => {
    expect(byName.get(name)).toMatchObject(expected);
  });

  it("leaves out what is not asked for, in Buildbot's order", () => {
    expect(byName.has("main_revision")).toBe(false);
    expect(form.codebases[0]?.fields?.map((field) => field.name)).toEqual([
      ...["branch", "project", "repository", "revision"],
    ]);
    expect(form).toMatchObject({ label: "Run it", buttonName: "Go" });
    expect(forceForm("plain", { builderNames: [] })).toMatchObject({
      label: "plain",
      buttonName: "plain",
      reasonString: "A build was forced by '%(owner)s': %(reason)s",
    });
  });
});
