/** The Git repository that the demo builds: a small program with tests and a history. */
import { execFile } from "node:child_process";
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { hostEnv } from "../../env";

const run = promisify(execFile);

interface Commit {
  readonly message: string;
  readonly at: string;
  readonly files: Readonly<Record<string, string>>;
}

const HISTORY: readonly Commit[] = [
  {
    message: "Tides: high water from a harmonic of twelve hours",
    at: "2026-01-05T09:00:00Z",
    files: {
      "package.json": `{\n  "name": "harbour",\n  "version": "1.0.0",\n  "type": "module",\n  "scripts": { "test": "node --test" }\n}\n`,
      "README.md":
        "# Harbour\n\nWhen may a ship of a given draught enter? The sample that Slipway builds after its first start.\n",
      "src/tides.js": `/** Depth over the sill in metres, \`hours\` after high water. */\nexport function depth(hours, { mean = 6, range = 4 } = {}) {\n  return mean + (range / 2) * Math.cos((2 * Math.PI * hours) / 12.42);\n}\n`,
      "test/tides.test.js": `import assert from "node:assert/strict";\nimport test from "node:test";\nimport { depth } from "../src/tides.js";\n\ntest("deepest at high water", () => {\n  assert.equal(depth(0), 8);\n});\n\ntest("shallowest half a tide later", () => {\n  assert.equal(Math.round(depth(6.21) * 1000), 4000);\n});\n`,
    },
  },
  {
    message: "Windows: the hours in which a ship may enter",
    at: "2026-01-12T14:30:00Z",
    files: {
      "src/windows.js": `import { depth } from "./tides.js";\n\n/** Quarters of an hour within one tide when a ship of this draught floats over the sill. */\nexport function windows(draught, clearance = 0.5) {\n  const quarters = Array.from({ length: 50 }, (_, index) => index / 4);\n  return quarters.filter((hours) => depth(hours) >= draught + clearance);\n}\n`,
      "test/windows.test.js": `import assert from "node:assert/strict";\nimport test from "node:test";\nimport { windows } from "../src/windows.js";\n\ntest("a dinghy may always enter", () => {\n  assert.equal(windows(1).length, 50);\n});\n\ntest("a deep ship waits for high water", () => {\n  const open = windows(6.5);\n  assert.ok(open.includes(0));\n  assert.ok(!open.includes(6));\n});\n\ntest("a ship too deep never enters", () => {\n  assert.deepEqual(windows(9), []);\n});\n`,
    },
  },
  {
    message: "Build: a table for the harbour office",
    at: "2026-01-20T08:15:00Z",
    files: {
      "build.js": `import { mkdirSync, writeFileSync } from "node:fs";\nimport { windows } from "./src/windows.js";\n\nmkdirSync("dist", { recursive: true });\nconst rows = [];\nfor (let draught = 2; draught <= 8; draught += 0.5) {\n  const open = windows(draught).length / 4;\n  const bar = "=".repeat(Math.round(open * 2));\n  rows.push(\`\${draught.toFixed(1).padStart(4)} m  \${open.toFixed(2).padStart(5)} h  \${bar}\`);\n}\nwriteFileSync("dist/table.txt", rows.join("\\n") + "\\n");\nconsole.log(rows.join("\\n"));\nconsole.log("\\u001b[32mwritten to dist/table.txt\\u001b[0m");\n`,
    },
  },
];

/** False when this host has no Git. */
export async function hasGit(): Promise<boolean> {
  return run("git", ["--version"], { env: hostEnv() }).then(
    () => true,
    () => false,
  );
}

/** Makes the bare repository unless it is there. Idempotent; a half-made one is made anew. */
export async function makeSampleRepository(
  path: string,
  own: (path: string) => Promise<void>,
): Promise<void> {
  const isThere = await stat(join(path, "HEAD")).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  const work = `${path}.work`;
  const half = `${path}.new`;
  for (const leftover of [path, work, half]) await rm(leftover, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  await git(work, ["init", "--quiet", "--initial-branch=main"]);
  for (const commit of HISTORY) {
    for (const [name, text] of Object.entries(commit.files)) {
      await mkdir(dirname(join(work, name)), { recursive: true });
      await writeFile(join(work, name), text);
    }
    await git(work, ["add", "--all"]);
    await git(work, ["commit", "--quiet", "-m", commit.message], commit.at);
  }
  await git(dirname(path), ["clone", "--quiet", "--bare", "--no-hardlinks", work, half]);
  await own(half);
  await run("mv", [half, path]);
  await rm(work, { recursive: true, force: true });
}

async function git(cwd: string, args: string[], at = HISTORY[0]?.at): Promise<void> {
  const person = { NAME: "Slipway", EMAIL: "demo@localhost", DATE: at };
  const identity = Object.entries(person).flatMap(([key, value]) => [
    [`GIT_AUTHOR_${key}`, value],
    [`GIT_COMMITTER_${key}`, value],
  ]);
  await run("git", args, {
    cwd,
    env: {
      ...hostEnv(),
      ...Object.fromEntries(identity),
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
    },
  });
}
