/**
 * What a person fills in becomes exactly the properties, source stamps, reason and priority that
 * Buildbot makes of it; and everything wrong with it is said at once, at its field.
 */
import { describe, expect, it } from "vitest";
import {
  type ForceOptions,
  type FormContext,
  forceForm,
  type ParameterOptions,
  readForm,
  reasonSentence,
  validationOf,
} from "../../../../../server/domain/force";

const context: FormContext = { owner: "ada@example.org", validation: validationOf({}) };

function read(options: Partial<ForceOptions>, sent: Record<string, unknown>, given = context) {
  return readForm(forceForm("force", { builderNames: ["b"], ...options }, ["bot-1"]), sent, given);
}

type Row = [what: string, parameter: Partial<ParameterOptions>, sent: unknown, expected: unknown];

const problem = (text: string) => ({ problem: text });

/** Every kind of parameter, with what it takes and what it refuses. */
const VALUES: Row[] = [
  ["a fixed value is its own", { type: "FixedParameter", default: "v" }, "sent", "v"],
  [
    "a fixed value may be any",
    { type: "FixedParameter", default: { a: [1] } },
    undefined,
    { a: [1] },
  ],
  ["text", { type: "StringParameter" }, "two words ", "two words "],
  ["text as a list of one", { type: "StringParameter" }, ["x"], "x"],
  ["text as a number", { type: "StringParameter" }, 7, "7"],
  ["text, empty", { type: "StringParameter", default: "d" }, "  ", "d"],
  ["text, absent", { type: "StringParameter" }, undefined, ""],
  [
    "text, absent and required",
    { type: "StringParameter", default: "d", required: true },
    undefined,
    problem("is required"),
  ],
  [
    "text, blank and required",
    { type: "StringParameter", required: true },
    " ",
    problem("is required"),
  ],
  ["text as a map", { type: "StringParameter" }, { a: 1 }, problem("must be text")],
  ["text twice", { type: "StringParameter" }, ["a", "b"], problem("takes one value")],
  [
    "text with a null byte",
    { type: "StringParameter" },
    "a\0b",
    problem("must not contain a null byte"),
  ],
  ["text by pattern", { type: "StringParameter", regex: "v\\d+" }, "v12-rc", "v12-rc"],
  [
    "a pattern matches from the start",
    { type: "StringParameter", regex: "\\d" },
    "v1",
    problem("must match \\d"),
  ],
  ["a pattern does not judge a default", { type: "StringParameter", regex: "^v" }, "", ""],
  [
    "a pattern that would never end elsewhere",
    { type: "StringParameter", regex: "^(a+)+$" },
    `${"a".repeat(60)}!`,
    problem("must match ^(a+)+$"),
  ],
  ["text of the right size", { type: "StringParameter", maxsize: 3 }, "äöü", "äöü"],
  [
    "text that is too long",
    { type: "StringParameter", maxsize: 3 },
    "abcd",
    problem("has 4 characters; at most 3"),
  ],
  ["lines", { type: "TextParameter" }, "one\ntwo\n", "one\ntwo\n"],
  ["a whole number", { type: "IntParameter" }, " -12 ", -12],
  ["a whole number as one", { type: "IntParameter" }, 3, 3],
  ["a whole number, absent", { type: "IntParameter" }, "", 0],
  ["half a number", { type: "IntParameter" }, "1.5", problem("must be a whole number")],
  ["no number", { type: "IntParameter" }, "seven", problem("must be a whole number")],
  [
    "a number beyond exactness",
    { type: "IntParameter" },
    "99999999999999999999",
    problem("must be a whole number"),
  ],
  ["yes", { type: "BooleanParameter" }, true, true],
  ["no, against the default", { type: "BooleanParameter", default: true }, false, false],
  ["yes as a form says it", { type: "BooleanParameter" }, ["on"], true],
  ["absent: the default", { type: "BooleanParameter", default: true }, undefined, true],
  ["neither yes nor no", { type: "BooleanParameter" }, "maybe", problem("must be true or false")],
  [
    "who is signed in counts, not what is typed",
    { type: "UserNameParameter" },
    "Eve <eve@x.org>",
    "ada@example.org",
  ],
  ["a choice", { type: "ChoiceStringParameter", choices: ["a", "b"] }, "b", "b"],
  [
    "no choice made: the first",
    { type: "ChoiceStringParameter", choices: ["a", "b"] },
    undefined,
    "a",
  ],
  [
    "no choice of them",
    { type: "ChoiceStringParameter", choices: ["a"] },
    "c",
    problem('"c" is none of the choices'),
  ],
  [
    "a choice that may be other",
    { type: "ChoiceStringParameter", choices: ["a"], strict: false },
    "c",
    "c",
  ],
  [
    "several choices",
    { type: "ChoiceStringParameter", choices: ["a", "b", "c"], multiple: true },
    ["c", "a", "c"],
    ["c", "a"],
  ],
  [
    "several, all taken away",
    { type: "ChoiceStringParameter", choices: ["a"], multiple: true, default: ["a"] },
    [],
    [],
  ],
  [
    "several, nothing said",
    { type: "ChoiceStringParameter", choices: ["a"], multiple: true, default: ["a"] },
    undefined,
    ["a"],
  ],
  [
    "several, one wrong",
    { type: "ChoiceStringParameter", choices: ["a"], multiple: true },
    ["a", "z"],
    problem('"z" is none of the choices'),
  ],
  ["a file", { type: "FileParameter" }, "content\n", "content\n"],
  [
    "a file's size is in bytes",
    { type: "FileParameter", maxsize: 5 },
    "äöü",
    problem("has 6 bytes; at most 5"),
  ],
  ["a file that is no text", { type: "FileParameter" }, "\0PNG", problem("is not a text file")],
  ["a worker", { type: "WorkerChoiceParameter" }, "bot-1", "bot-1"],
  ["any worker", { type: "WorkerChoiceParameter" }, "-any-", undefined],
  ["no worker chosen", { type: "WorkerChoiceParameter" }, undefined, undefined],
  [
    "a worker of elsewhere",
    { type: "WorkerChoiceParameter" },
    "bot-9",
    problem('"bot-9" is no worker of this builder'),
  ],
];

describe("one parameter", () => {
  it.each(VALUES)("%s", (_, parameter, sent, expected) => {
    const property = { type: "StringParameter", name: "x", ...parameter } as ParameterOptions;
    const { values, errors } = read(
      { properties: [property] },
      sent === undefined ? {} : { x: sent },
    );
    if (typeof expected === "object" && expected !== null && "problem" in expected) {
      expect(errors).toEqual({ x: expected.problem });
    } else {
      expect(errors).toBeNull();
      expect(values?.properties.x).toEqual(expected);
    }
  });

  it("a name that is typed needs an address, unless it needs none", () => {
    const unknown = { ...context, owner: null };
    expect(read({}, { username: "Ada" }, unknown).errors).toEqual({
      username: "needs an address: Ada <ada@example.org>",
    });
    expect(read({}, { username: "Ada <ada@x.org>" }, unknown).values?.owner).toBe(
      "Ada <ada@x.org>",
    );
    const username = { type: "UserNameParameter", need_email: false } as const;
    expect(read({ username }, { username: "Ada" }, unknown).values?.owner).toBe("Ada");
  });
});

describe("a form", () => {
  it("says nothing: Buildbot's defaults", () => {
    expect(read({}, {}).values).toEqual({
      owner: "ada@example.org",
      reason: "A build was forced by 'ada@example.org': force build",
      priority: 0,
      properties: { reason: "force build", owner: "ada@example.org" },
      sourceStamps: [
        { codebase: "", repository: "", branch: null, revision: null, project: "", patch: null },
      ],
    });
  });

  it("joins the names of groups; a group with a name is a map, one without is not there", () => {
    const properties: ParameterOptions[] = [
      {
        type: "NestedParameter",
        name: "options",
        fields: [
          { type: "IntParameter", name: "jobs" },
          { type: "NestedParameter", name: "", fields: [{ type: "StringParameter", name: "cc" }] },
          {
            type: "NestedParameter",
            name: "deep",
            fields: [{ type: "StringParameter", name: "er" }],
          },
        ],
      },
      { type: "NestedParameter", name: "", fields: [{ type: "StringParameter", name: "flat" }] },
    ];
    const sent = { options_jobs: "4", options_cc: "clang", options_deep_er: "x", flat: "y" };
    expect(read({ properties }, sent).values?.properties).toMatchObject({
      options: { jobs: 4, cc: "clang", deep: { er: "x" } },
      flat: "y",
    });
    expect(read({ properties }, { options_jobs: "many" }).errors).toEqual({
      options_jobs: "must be a whole number",
    });
  });

  it("makes a source stamp of each codebase, with its patch", () => {
    const codebases = [
      {
        type: "CodebaseParameter",
        codebase: "lib",
        repository: "https://x.org/lib",
        project: null,
      },
      {
        type: "CodebaseParameter",
        codebase: "",
        patch: { type: "PatchParameter" },
        revision: null,
      },
    ] as const;
    const sent = {
      lib_branch: " main ",
      lib_revision: "abc",
      lib_repository: "https://evil.org",
      branch: "dev",
      patch_body: "--- a\n+++ b\n",
      patch_level: "0",
      patch_author: "Ada",
    };
    expect(read({ codebases }, sent).values?.sourceStamps).toEqual([
      {
        codebase: "lib",
        branch: "main",
        revision: "abc",
        repository: "https://x.org/lib",
        project: "",
        patch: null,
      },
      {
        codebase: "",
        branch: "dev",
        revision: null,
        repository: "",
        project: "",
        patch: { level: 0, body: "--- a\n+++ b\n", author: "Ada", comment: "", subdir: "." },
      },
    ]);
    expect(
      read({ codebases }, { patch_body: "x", patch_subdir: "../up", patch_level: -1 }).errors,
    ).toEqual({
      patch_subdir: "must be a folder below the checkout",
      patch_level: "must be a number from 0 to 100",
    });
  });

  it.each([
    ["branch", "feature/größe-1.0", null],
    ["branch", "--upload-pack=x", "must not begin with -"],
    ["branch", "a b", "is not a branch name"],
    ["revision", "release 1.2", null],
    ["revision", "$(reboot)", "is not a revision"],
    ["repository", "-oProxyCommand=x", "must not begin with -"],
    ["project", "a\u0007b", "must not contain control characters"],
  ])("%s %s is judged", (name, value, expected) => {
    const { errors } = read({}, { [name]: value });
    if (expected === null) expect(errors).toBeNull();
    else expect(errors?.[name]).toContain(expected);
  });

  it("takes the organisation's own patterns", () => {
    const validation = validationOf({ branch: "^(main|release-\\d+)$" });
    const given = { ...context, validation };
    expect(read({}, { branch: "release-2" }, given).errors).toBeNull();
    expect(read({}, { branch: "dev" }, given).errors?.branch).toContain("^(main|release-\\d+)$");
  });

  it("lets a person name a property, within the patterns", () => {
    const properties = [{ type: "AnyPropertyParameter", name: "p" }] as const;
    const of = (sent: Record<string, unknown>) => read({ properties }, sent);
    expect(of({ p_name: "os", p_value: "linux" }).values?.properties.os).toBe("linux");
    expect(of({}).values?.properties).not.toHaveProperty("p");
    expect(of({ p_value: "x" }).errors?.p_name).toContain("is required");
    expect(of({ p_name: "a b", p_value: "c;d" }).errors).toMatchObject({
      p_name: expect.stringContaining("is not a property name"),
      p_value: expect.stringContaining("is not a value"),
    });
    expect(of({ p_name: "__proto__", p_value: "x" }).errors).toHaveProperty("p_name");
  });

  it("says all that is wrong at once, unknown fields too", () => {
    const properties = [
      { type: "IntParameter", name: "n" },
      { type: "StringParameter", name: "s", required: true },
    ] as const;
    const sent = { n: "x", branhc: "main", priority: "high", owner: "ignored", builderid: 3 };
    expect(read({ properties }, sent).errors).toEqual({
      n: "must be a whole number",
      s: "is required",
      branhc: "is no field of this form",
      priority: "must be a whole number",
    });
  });

  it("has a reason that is a choice, and a sentence around it", () => {
    const options = {
      reason: { type: "ChoiceStringParameter", name: "why", choices: ["nightly", "hotfix"] },
      reasonString: "%(reason)s, 100%% by %(owner)s",
    } as const;
    const { values } = read(options, { why: "hotfix", priority: "5" });
    expect(values).toMatchObject({ reason: "hotfix, 100% by ada@example.org", priority: 5 });
    expect(values?.properties.reason).toBe("hotfix");
    // What people say is never a template.
    expect(reasonSentence("%(reason)s", { owner: "o", reason: "%(owner)s $& %%" })).toBe(
      "%(owner)s $& %%",
    );
  });
});
