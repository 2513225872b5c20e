import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, say, tool, toolEnv } from "./run.mjs";

/** More files than that do not fail by chance. */
const MOST_TRIED_AGAIN = 4;

/**
 * One run of vitest, shown to people as it goes and counted by tests/support/count-reporter.ts.
 *
 * With `again`, files that failed are run once more, alone: suites with real processes meet the
 * moods of a loaded machine. What failed and then passed is told by name in `shaky`.
 *
 * @param {{projects: string[], files?: string[], env?: object, timeoutMs?: number, again?: boolean}} options
 * @returns {Promise<{passed: number, failed: string[], skipped: string[], shaky: string[]}>} a run
 *   that ended without a report counts as one failure
 */
export async function runVitest({ again = false, ...options }) {
  const first = await once(options);
  const broken = first.files.filter(({ failed }) => failed.length > 0).map(({ file }) => file);
  const isWorthIt = broken.length > 0 && broken.length <= MOST_TRIED_AGAIN;
  if (!again || !isWorthIt || first.strayErrors.length > 0) return summary(first, []);
  say(`once more, alone: ${broken.join(", ")}`);
  const second = await once({ ...options, files: broken });
  const files = first.files.map(
    (before) => second.files.find(({ file }) => file === before.file) ?? before,
  );
  const last = { files, strayErrors: second.strayErrors };
  const still = new Set(names(last));
  return summary(
    last,
    names(first).filter((name) => !still.has(name)),
  );
}

const names = ({ files }) => files.flatMap(({ failed }) => failed);

function summary(count, shaky) {
  return {
    passed: count.files.reduce((sum, { passed }) => sum + passed, 0),
    failed: [...names(count), ...count.strayErrors],
    skipped: count.files.flatMap(({ skipped }) => skipped),
    shaky,
  };
}

async function once({ projects, files = [], env = {}, timeoutMs = 20 * 60_000 }) {
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
    if (status !== 0 && names(count).length === 0 && count.strayErrors.length === 0) {
      count.strayErrors.push(`${projects}: vitest ended with status ${status}`);
    }
    return count;
  } catch {
    return { files: [], strayErrors: [`${projects}: vitest ended without a report`] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
