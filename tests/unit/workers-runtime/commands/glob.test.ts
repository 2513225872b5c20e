// Guarantee: patterns find what Python's glob finds.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { glob } from "../../../../workers-runtime/commands/glob";
import { UpdateBatch } from "../../../../workers-runtime/output/update-batch";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "glob-"));
  mkdirSync(join(dir, "a/b/c"), { recursive: true });
  mkdirSync(join(dir, ".hidden"));
  for (const file of [
    "one.txt",
    "two.log",
    "x[1].txt",
    "a/three.txt",
    "a/b/c/four.txt",
    ".hidden/five.txt",
    "a/.dot",
  ]) {
    writeFileSync(join(dir, file), "");
  }
  symlinkSync("..", join(dir, "a/up"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function find(path: string): Promise<string[]> {
  let files: string[] = [];
  const batch = new UpdateBatch({
    send(updates) {
      for (const update of updates) if (update.key === "files") files = [...update.value];
    },
    complete() {},
    isFull: false,
    onRoom() {},
  });
  const stop = new AbortController().signal;
  await glob({ path }, { builderDir: dir, environ: {}, batch, stop });
  batch.flush();
  return files.sort();
}

const PYTHON = `import glob, json, sys
print(json.dumps(sorted(set(p.rstrip("/") for p in glob.glob(sys.argv[1], recursive=True)))))`;

it.each([
  "*.txt",
  "*",
  "a/*",
  "?wo.*",
  "x[[]1].txt",
  "[!o]*",
  "**/*.txt",
  "a/**",
  "**/c",
  ".*/*",
  "a/up/one.txt",
  "none*",
  "one.txt",
])("finds %s", async (pattern) => {
  const expected = execFileSync("/usr/bin/python3", ["-c", PYTHON, join(dir, pattern)]);
  const found = await find(pattern);
  // With `**` Python walks links to directories, and finds the same files again through them.
  const isBeyondLink = (path: string) => pattern.includes("**") && path.includes("/up/");
  const known = (JSON.parse(expected.toString()) as string[]).filter((path) => !isBeyondLink(path));
  expect(found).toEqual(known);
});
