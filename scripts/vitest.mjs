import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, tool, toolEnv } from "./run.mjs";

/**
 * One run of vitest, shown to people as it goes and counted from its JSON report.
 *
 * @param {string} title for failures that are not a test's own
 * @param {{projects: string[], files?: string[], env?: object, timeoutMs?: number}} options
 * @returns {Promise<{passed: number, failed: number, skipped: string[]}>} a file that could not be
 *   loaded, and a run that ended without a report, count as one failure
 */
export async function runVitest(
  title,
  { projects, files = [], env = {}, timeoutMs = 20 * 60_000 },
) {
  const folder = mkdtempSync(join(tmpdir(), "slipway-report-"));
  const report = join(folder, "report.json");
  try {
    const { status } = await run(
      tool("vitest"),
      [
        ...["run", "--config", "tests/vitest.config.ts", "--reporter=default", "--reporter=json"],
        `--outputFile.json=${report}`,
        ...projects.flatMap((project) => ["--project", project]),
        ...files,
      ],
      { show: true, timeoutMs, env: { ...toolEnv, ...env } },
    );
    return count(JSON.parse(readFileSync(report, "utf8")), status);
  } catch (error) {
    console.log(`${title}: no report (${error.message})`);
    return { passed: 0, failed: 1, skipped: [] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function count(report, status) {
  const files = report.testResults ?? [];
  const tests = files.flatMap((file) => file.assertionResults);
  const broken = files.filter(
    (file) => file.status === "failed" && file.assertionResults.every((t) => t.status !== "failed"),
  );
  const skipped = tests
    .filter((test) => test.status !== "passed" && test.status !== "failed")
    .map((test) => `${test.fullName}${reason(test)}`);
  let failed = tests.filter((test) => test.status === "failed").length + broken.length;
  // An error outside any test, a rejected promise nobody waited for, fails the run all the same.
  if (status !== 0 && failed === 0) failed = 1;
  return { passed: tests.filter((test) => test.status === "passed").length, failed, skipped };
}

/** A test that skips itself says why with `context.skip("why")`. */
function reason(test) {
  const note = test.meta?.skipReason ?? test.failureMessages?.[0];
  return note ? `: ${note}` : "";
}
