/**
 * Journeys in a real browser against a whole installation: `npx playwright test --config
 * tests/e2e/playwright.config.ts [file]`. One installation serves most of them (installation.ts);
 * the order of the files does not matter.
 */
import { defineConfig } from "@playwright/test";

const MINUTE = 60_000;

export default defineConfig({
  testDir: ".",
  testMatch: "*.test.ts",
  outputDir: "../../test-results/e2e",
  globalSetup: "./installation.ts",
  // Everything runs on the cores that the browser needs too.
  workers: 1,
  fullyParallel: false,
  timeout: 3 * MINUTE,
  expect: { timeout: MINUTE },
  reporter: "list",
  use: {
    browserName: "chromium",
    locale: "en-GB",
    timezoneId: "Europe/Lisbon",
    reducedMotion: "reduce",
    viewport: { width: 1280, height: 800 },
    actionTimeout: MINUTE,
    navigationTimeout: MINUTE,
    screenshot: "only-on-failure",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.SLIPWAY_TEST_CHROMIUM || "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
