/** Counts a run for `npm test`, with the reason of every skip, into the file SLIPWAY_TEST_REPORT. */
import { writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

export interface RunCount {
  passed: number;
  failed: number;
  /** `name: reason`, one for each test. */
  skipped: string[];
}

export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count: RunCount = { passed: 0, failed: unhandledErrors.length, skipped: [] };
    for (const module of modules) countModule(module, count);
    const file = process.env.SLIPWAY_TEST_REPORT;
    if (file) writeFileSync(file, JSON.stringify(count));
  }
}

function countModule(module: TestModule, count: RunCount): void {
  let failed = 0;
  for (const test of module.children.allTests()) {
    const result = test.result();
    if (result.state === "passed") count.passed += 1;
    else if (result.state === "failed") failed += 1;
    else {
      const reason = "note" in result && result.note ? result.note : "no reason given";
      count.skipped.push(`${module.project.name} > ${test.fullName}: ${reason}`);
    }
  }
  // A file that cannot be loaded, or a hook that fails, has no failing test of its own.
  count.failed += failed === 0 && !module.ok() ? 1 : failed;
}
