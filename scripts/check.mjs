// `npm run check`: what can be known without starting anything, in under a minute.
import { pathToFileURL } from "node:url";
import { ensurePrismaClient } from "./build.mjs";
import { findProblems } from "./imports.mjs";
import { inTurn } from "./in-turn.mjs";
import { checkNode, ensurePackages } from "./install.mjs";
import { findLeaks } from "./leaks.mjs";
import { fail, run, say, tool } from "./run.mjs";
import { runVitest } from "./vitest.mjs";

const listed = (problems) => ({
  status: problems.length === 0 ? 0 : 1,
  output: problems.join("\n"),
});

const CHECKS = [
  ["types", () => run(tool("tsc"), ["--noEmit", "--pretty", "false"])],
  ["format and lint", () => run(tool("biome"), ["check", "--colors=off", "--max-diagnostics=50"])],
  ["who imports whom", async () => listed(findProblems())],
  ["nothing of this machine in the repository", async () => listed(await findLeaks())],
];

/**
 * Runs each check, printing what it found.
 *
 * @returns {Promise<{passed: number, failed: string[]}>}
 */
export async function runChecks() {
  const failed = [];
  for (const [name, check] of CHECKS) {
    const { status, output } = await check();
    say(`${status === 0 ? "ok    " : "FAILED"} ${name}`);
    if (status === 0) continue;
    failed.push(name);
    console.log(output.trimEnd());
  }
  return { passed: CHECKS.length - failed.length, failed };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    checkNode();
    await inTurn(async () => {
      await ensurePackages({ withDev: true });
      await ensurePrismaClient();
    });
    const checks = await runChecks();
    const unit = await runVitest({ projects: ["unit"] });
    if (checks.failed.length + unit.failed.length > 0) process.exitCode = 1;
  } catch (error) {
    fail(error);
  }
}
