/**
 * A form opens with its defaults, then what was used last, then what the link says, as far as these
 * still fit; choices fill in other fields; hidden and fixed fields are not sent.
 */
import { expect, test } from "vitest";
import {
  changed,
  firstValues,
  hasProblem,
  sentValues,
} from "../../../../../app/_features/force-form/values";
import { allFields, type Field, forceForm } from "../../../../../server/domain/force";

const fields = allFields(
  forceForm(
    "deploy",
    {
      builderNames: ["b"],
      properties: [
        {
          type: "ChoiceStringParameter",
          name: "target",
          choices: ["test", "live"],
          autopopulate: { live: { options_jobs: 8, hidden: "h" }, test: { jobs: 2 } },
        },
        {
          type: "NestedParameter",
          name: "options",
          fields: [
            { type: "IntParameter", name: "jobs", default: 4 },
            { type: "BooleanParameter", name: "fast", default: true },
          ],
        },
        { type: "ChoiceStringParameter", name: "os", choices: ["a", "b"], multiple: true },
        { type: "StringParameter", name: "hidden", hide: true },
        { type: "FixedParameter", name: "fixed", default: "f" },
        { type: "FileParameter", name: "file" },
        { type: "WorkerChoiceParameter" },
      ],
    },
    ["bot"],
  ),
);

const find = (name: string) => {
  const all = fields.flatMap((field) => [field, ...(field.fields ?? [])]);
  return all.find((field) => field.name === name) as Field;
};

test("the defaults, with what the first choice fills in", () => {
  expect(firstValues(fields, {}, new URLSearchParams())).toEqual({
    reason: "force build",
    priority: "0",
    branch: "",
    project: "",
    repository: "",
    revision: "",
    target: "test",
    options_jobs: "2",
    options_fast: true,
    os: [],
    file: null,
    workername: "-any-",
  });
});

test("what was used last, as far as it still fits; a link goes over it", () => {
  const remembered = {
    branch: "dev",
    options_fast: false,
    target: "gone",
    os: ["b", "gone"],
    workername: "bot",
    file: { name: "x", size: 1, text: "x" },
    stranger: "x",
  };
  const link = new URLSearchParams("branch=main&os=a&os=b&options_fast=yes&workername=nobody&x=y");
  const values = firstValues(fields, remembered, link);
  expect(values).toMatchObject({
    branch: "main",
    options_fast: true,
    target: "test",
    os: ["a", "b"],
    workername: "bot",
    file: null,
  });
  expect(values).not.toHaveProperty("stranger");
  expect(firstValues(fields, remembered, new URLSearchParams()).os).toEqual(["b"]);
});

test("a choice fills in other fields, by full name or name, hidden ones too", () => {
  const before = firstValues(fields, {}, new URLSearchParams());
  const live = changed(fields, before, find("target"), "live");
  expect(live).toMatchObject({ target: "live", options_jobs: "8", hidden: "h" });
  const test = changed(fields, live, find("target"), "test");
  expect(test.options_jobs).toBe("2");
});

test("a file is sent as its text", () => {
  const file = { name: "x.txt", size: 2, text: "hi" };
  expect(sentValues({ file, os: ["a"], fast: false, none: null })).toEqual({
    file: "hi",
    os: ["a"],
    fast: false,
    none: null,
  });
});

test("a group has a problem when something in it has", () => {
  expect(hasProblem(find("options"), { options_jobs: "must be a whole number" })).toBe(true);
  expect(hasProblem(find("options"), { branch: "x" })).toBe(false);
});
