// Guarantee: what stands in the guides can be copied: YAML is YAML, configuration is configuration, shell is shell.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { checkConfig } from "../../../server/config";

const folder = fileURLToPath(new URL("../../../docs/guides/", import.meta.url));
const guides = readdirSync(folder).filter((name) => name.endsWith(".md"));
const blocks = (guide: string, language: string) =>
  [...readFileSync(folder + guide, "utf8").matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, of]) => of === language)
    .map(([, , text]) => text as string);

describe.each(guides)("%s", (guide) => {
  test("YAML", () => {
    for (const text of blocks(guide, "yaml")) {
      const problems = parseAllDocuments(text).flatMap(({ errors }) => errors);
      expect(problems.map(({ message }) => message)).toEqual([]);
      // Where something is left out, it is not all of a document.
      if (!/^(workers|pools|projects):/.test(text) || text.includes("…")) continue;
      expect(checkConfig(text).errors).toEqual([]);
    }
  });

  test("shell", () => {
    for (const text of blocks(guide, "sh")) {
      const { stderr } = spawnSync("bash", ["-n"], { input: text, encoding: "utf8" });
      expect(stderr).toBe("");
    }
  });
});
