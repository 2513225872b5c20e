// Guarantees: templates render by the table of CORE §4 for missing, null, false, empty and set
// values; every mistake is found before anything runs, with its place; nothing a value holds is
// rendered again, and a short document does not make a huge value (C-020 to C-026).
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  issuesAsWritten,
  type JsonValue,
  RenderError,
  renderTree,
  type Scope,
  secretsIn,
  templateProblems,
} from "../../../../../server/domain/properties";

const values: Record<string, JsonValue> = {
  name: "lib",
  null: null,
  zero: 0,
  empty: "",
  no: false,
  list: ["a", ["b"]],
  nothing: [],
  tricky: "%(prop:name)s",
  "warnings-count": 3,
};
const scope: Scope = {
  properties: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, [value, "t"]])),
  sourceStamps: [
    { codebase: "", repository: "r", branch: null, revision: "abc", project: "p" },
    { codebase: "lib", repository: "r2", branch: "dev", revision: null, project: "p" },
  ],
  worker: { os_id: "debian", os_id_like: null },
  secrets: new Map([["db/pass|x", "hunter22"]]),
  kw: { who: "me" },
  urlForBuild: "http://ci/1",
};
const render = (value: JsonValue) => renderTree(value, scope);

describe("a template", () => {
  it.each([
    ["no percent: 100% of it", "no percent: 100% of it"],
    ["%(prop:name)s and 100%%", "lib and 100%"],
    ["%%(prop:name)s", "%(prop:name)s"],
    ["%(prop:tricky)s", "%(prop:name)s"],
    ["%(prop:warnings-count)s/%(prop:no)s/%(prop:list)s", '3/false/["a",["b"]]'],
    ["[%(src::branch)s|%(src::revision)s|%(src:lib:branch)s|%(src:none:branch)s]", "[|abc|dev|]"],
    ["%(src:none:branch:-main)s %(src::branch:-main)s.", "main ."],
    ["%(worker:os_id)s,%(worker:os_id_like)s", "debian,"],
    ["%(secret:db/pass|x)s", "hunter22"],
    ["%(secret:none:-open)s", "open"],
    ["%(kw:who)s", "me"],
    ["%(prop:none:-f(x) (y))s", "f(x) (y)"],
    ["%(prop:none:-%(prop:nope:-%(src:lib:branch)s)s)s", "dev"],
    ["%(prop:name:?:%(src:lib:branch)s:no)s", "dev"],
    ["%(prop:none:?|a|b|c)s", "b|c"],
    ["%(prop:none:-50%%)s", "50%"],
  ])("%s is %s", (text, expected) => expect(render(text)).toBe(expected));

  const rules = ["", ":-x", ":~x", ":+x", ":?|a|b", ":#?|a|b"];
  it.each([
    ["none", ["", "x", "x", "", "b", "b"]],
    ["null", ["", "", "x", "x", "a", "b"]],
    ["zero", ["0", "0", "x", "x", "a", "b"]],
    ["empty", ["", "", "x", "x", "a", "b"]],
    ["no", ["false", "false", "x", "x", "a", "b"]],
    ["nothing", ["[]", "[]", "x", "x", "a", "b"]],
    ["name", ["lib", "lib", "lib", "x", "a", "a"]],
  ])("of %s, by all six substitutions", (key, expected) => {
    expect(rules.map((rule) => render(`%(prop:${key}${rule})s`))).toEqual(expected);
  });

  it.each([
    ["%(owner)s", /"%\(owner\)s"|selector is missing/],
    ["a %(porp:x)s", /at "porp:x\)s": unknown selector "porp": there is prop, src/],
    ["%(prop)s", /name is missing/],
    ["%(prop:)s", /name is missing/],
    ["%(prop:a b)s", /not a name/],
    ["%(src:branch)s", /needs codebase and attribute/],
    ["%(src::brunch)s", /unknown attribute "brunch"/],
    ["%(prop:x", /never closed/],
    ["%(prop:x)", /"s" must follow/],
    ["%(prop:x)d", /"s" must follow/],
    ["100% %(prop:x)s", /written "%%"/],
    ["%(prop:x:x)s", /begins with one of/],
    ["%(prop:x:?)s", /delimiter/],
    ["%(prop:x:?(a(b)s)s", /never closed/],
    ["%(prop:x:?(a)b)s", /delimiter other/],
    ["%(prop:x:?|a)s", /between two texts/],
    ["%(prop:x:-%(nope:y)s)s", /unknown selector "nope"/],
    [`${"%(prop:x:-".repeat(30)}${")s".repeat(30)}`, /nested deeper/],
  ])("%s is refused in words", (text, words) => {
    expect(
      templateProblems(text)
        .map(({ message }) => message)
        .join("\n"),
    ).toMatch(words);
    expect(() => render(text)).toThrow(RenderError);
  });

  it("says every mistake, each with its path", () => {
    const problems = templateProblems({
      a: ["%(x)s %(prop:y", { type: "Property" }],
      b: "%(prop:z)s",
    });
    expect(problems.map(({ path }) => path.join("."))).toEqual(["a.0", "a.0", "a.1.key"]);
  });

  it("does not make a huge value of a short document", () => {
    const properties = { big: ["x".repeat(100_000), "t"] } as const;
    const text = "%(prop:big)s".repeat(100);
    expect(() => renderTree(text, { properties })).toThrow(/longer than/);
  });
});

describe("a typed renderable", () => {
  it.each<[JsonValue, JsonValue]>([
    [
      {
        type: "Interpolate",
        fmtstring: "%(kw:a)s-%(kw:who)s 100%%",
        kwargs: { a: "%(prop:name)s" },
      },
      "lib-me 100%",
    ],
    [{ type: "Interpolate", fmtstring: "%s is %d%%", args: ["%(prop:name)s", 7.5] }, "lib is 7%"],
    [{ type: "Property", key: "list" }, ["a", ["b"]]],
    [{ type: "Property", key: "zero" }, 0],
    [{ type: "Property", key: "zero", default: 4 }, 4],
    [{ type: "Property", key: "zero", default: 4, defaultWhenFalse: false }, 0],
    [{ type: "Property", key: "constructor", default: "%(prop:name)s" }, "lib"],
    [{ type: "Property", key: "none" }, null],
    [{ type: "Secret", name: "db/pass|x" }, "hunter22"],
    [{ type: "URLForBuild" }, "http://ci/1"],
    [
      { type: "FlattenList", nestedlist: ["x", { type: "Property", key: "list" }] },
      ["x", "a", "b"],
    ],
    [{ a: [{ type: "Other", key: "%(prop:name)s" }] }, { a: [{ type: "Other", key: "lib" }] }],
  ])("%j is %j", (value, expected) => expect(render(value)).toEqual(expected));

  it.each<[JsonValue, RegExp]>([
    [{ type: "Secret", name: "none" }, /no secret "none"/],
    ["%(secret:none)s", /no secret "none"/],
    [{ type: "Interpolate", fmtstring: "%s", args: [] }, /fewer arguments/],
    [{ type: "Interpolate", fmtstring: "x", args: [1] }, /more arguments/],
    [{ type: "Interpolate", fmtstring: "%d", args: ["x"] }, /needs a number/],
    [{ type: "Interpolate", fmtstring: "%s %(prop:name)s", args: [1] }, /do not mix/],
    [{ type: "Interpolate", fmtstring: "%s" }, /written "%%"/],
  ])("%j cannot be rendered", (value, words) => expect(() => render(value)).toThrow(words));
});

describe("a value as written", () => {
  const schema = z.strictObject({
    timeout: z.number(),
    halt: z.boolean(),
    command: z.union([z.string().max(5), z.array(z.string())]),
  });
  const paths = (value: unknown) =>
    issuesAsWritten(schema, value, ["halt"]).map((issue) => issue.path.join("."));

  it("may be a renderable wherever it is not fixed", () => {
    const property = { type: "Property", key: "x" };
    expect(paths({ timeout: property, halt: true, command: ["a", property] })).toEqual([]);
    expect(paths({ timeout: "%(prop:x)s", halt: true, command: "%(prop:long)s" })).toEqual([]);
    expect(paths({ timeout: property, halt: property, command: 5 })).toEqual(["halt", "command"]);
    expect(paths({ timeout: "5", halt: true, command: [1, property], more: 1 })).toEqual([
      "timeout",
      "command",
      "",
    ]);
  });

  it("says which secrets it refers to", () => {
    const value = {
      a: "%(secret:one)s %(prop:x:-%(secret:two)s)s",
      b: [
        {
          type: "Interpolate",
          fmtstring: "%(kw:k)s",
          kwargs: { k: { type: "Secret", name: "three" } },
        },
      ],
      c: "secret:four",
    };
    expect(secretsIn(value).sort()).toEqual(["one", "three", "two"]);
  });
});
