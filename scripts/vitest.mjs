import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, tool, toolEnv } from "./run.mjs";

/**
 * One run of vitest, shown to people as it goes and counted by tests/support/count-reporter.ts.
 *
 * @param {{projects: string[], files?: string[], env?: object, timeoutMs?: number}} options
 * @returns {Promise<{passed: number, failed: number, skipped: string[]}>} a run that ended without
 *   a report counts as one failure
 */
export async function runVitest({ projects, files = [], env = {}, timeoutMs = 20 * 60_000 }) {
  const folder = mkdtempSync(join(tmpdir(), "slipway-report-"));
  const report = join(folder, "report.json");
  try {
    const { status } = await run(
      tool("vitest"),
      [
        ...["run", "--config", "tests/vitest.config.ts", "--passWithNoTests"],
        ...["--reporter=default", "--reporter=./tests/support/count-reporter.ts"],
        ...projects.flatMap((project) => ["--project", project]),
        ...files,
      ],
      {
        show: true,
        timeoutMs,
        env: { ...toolEnv, NODE_ENV: "test", ...env, SLIPWAY_TEST_REPORT: report },
      },
    );
    const count = JSON.parse(readFileSync(report, "utf8"));
    // vitest knows reasons to fail that are not a test's.
    if (status !== 0 && count.failed === 0) count.failed = 1;
    return count;
  } catch {
    console.log(`${projects}: vitest ended without a report`);
    return { passed: 0, failed: 1, skipped: [] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
