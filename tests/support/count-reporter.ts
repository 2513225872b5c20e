/** Counts a run for `npm test`, file by file, into the file SLIPWAY_TEST_REPORT. */
import { writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

export interface FileCount {
  /** From the root of the repository. */
  file: string;
  passed: number;
  /** `name: what went wrong`, one for each test, or one for a file that could not be run. */
  failed: string[];
  /** `name: reason`, one for each test. */
  skipped: string[];
}

export interface RunCount {
  files: FileCount[];
  /** What went wrong outside any test. */
  strayErrors: string[];
}

export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count: RunCount = {
      files: modules.map(countModule),
      strayErrors: unhandledErrors.map((error) => firstLine(error)),
    };
    const file = process.env.SLIPWAY_TEST_REPORT;
    if (file) writeFileSync(file, JSON.stringify(count));
  }
}

function countModule(module: TestModule): FileCount {
  const count: FileCount = { file: module.relativeModuleId, passed: 0, failed: [], skipped: [] };
  const named = (name: string) => `${module.project.name} > ${name}`;
  for (const test of module.children.allTests()) {
    const result = test.result();
    if (result.state === "passed") count.passed += 1;
    else if (result.state === "failed") {
      count.failed.push(`${named(test.fullName)}: ${firstLine(result.errors[0])}`);
    } else {
      const reason = "note" in result && result.note ? result.note : "no reason given";
      count.skipped.push(`${named(test.fullName)}: ${reason}`);
    }
  }
  // A file that cannot be loaded, or a hook that fails, has no failing test of its own.
  if (count.failed.length === 0 && !module.ok()) {
    count.failed.push(`${named(module.relativeModuleId)}: ${firstLine(module.errors()[0])}`);
  }
  return count;
}

function firstLine(error: unknown): string {
  const message =
    typeof error === "object" && error && "message" in error
      ? error.message
      : (error ?? "a hook failed");
  return String(message).split("\n", 1)[0]?.slice(0, 300) ?? "";
}
