import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Suites that need a database get one server for the whole run; pure ones start at once. */
const withDatabase = (name: string, timeoutMs: number) => ({
  extends: true as const,
  test: {
    name,
    include: [`tests/${name}/**/*.test.ts`],
    globalSetup: ["tests/support/global-setup.ts"],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
  },
});

export default defineConfig({
  root,
  oxc: { jsx: { runtime: "automatic" } },
  test: {
    pool: "forks",
    maxWorkers: 2,
    passWithNoTests: true,
    unstubEnvs: true,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["tests/unit/**/*.test.{ts,tsx}"],
          testTimeout: 10_000,
        },
      },
      withDatabase("integration", 60_000),
      withDatabase("conformance", 60_000),
      withDatabase("interop", 120_000),
      withDatabase("scenarios", 180_000),
      // Only `npm run test:long`: each test takes minutes.
      {
        extends: true,
        test: {
          name: "storm",
          include: ["tests/storm/**/*.test.ts"],
          globalSetup: ["tests/support/global-setup.ts"],
          fileParallelism: false,
          testTimeout: 1_800_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
