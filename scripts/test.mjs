// `npm test`: everything that the suites need, then all suites. The last line is always
// `N passed, N failed` or `N passed, N failed, N skipped`; every skip is listed with its reason.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureBuilt } from "./build.mjs";
import { runChecks } from "./check.mjs";
import { inTurn } from "./in-turn.mjs";
import { checkNode, ensurePackages } from "./install.mjs";
import { root, run, say, tool, toolEnv } from "./run.mjs";
import { ensurePrograms, findProgram } from "./test-needs.mjs";
import { runVitest } from "./vitest.mjs";

const total = { passed: 0, failed: 0, skipped: [] };

function add(name, { passed, failed, skipped }) {
  total.passed += passed;
  total.failed += failed;
  total.skipped.push(...skipped);
  say(`${name}: ${passed} passed, ${failed} failed, ${skipped.length} skipped`);
}

/** Undone in reverse order at the end, however it comes. */
const cleanups = [];

async function cleanUp() {
  for (let undo = cleanups.pop(); undo; undo = cleanups.pop()) await undo();
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => void cleanUp().finally(() => process.exit(130)));
}

function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), "slipway-tests-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** One PostgreSQL for all passes; each test file clones a database of its own in it. */
async function startDatabase() {
  const { startEmbedded } = await import(pathToFileURL(join(root, ".dist/embedded.js")).href);
  const server = await startEmbedded({ dataDir: temporaryFolder(), isThrowaway: true });
  cleanups.push(() => server.stop());
  return server.url;
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** @returns {Promise<string>} its address, once it answers */
async function startRedis(program) {
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", temporaryFolder()];
  const child = spawn(program, [...args, "--save", "", "--maxmemory-policy", "noeviction"], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  cleanups.push(async () => {
    child.kill("SIGTERM");
    await gone;
  });
  await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => reject(new Error("redis-server ended at its start")));
    child.stdout.setEncoding("utf8").on("data", (text) => {
      if (text.includes("Ready to accept connections")) resolve();
    });
  });
  return `redis://127.0.0.1:${port}`;
}

/** What talks to the queues runs once more, on the other backend. */
async function redisPass(env) {
  const files = [
    "tests/integration/server/queues",
    "tests/scenarios/storm.test.ts",
    "tests/scenarios/worker-behaviour.test.ts",
  ].filter((path) => existsSync(join(root, path)));
  if (files.length === 0) return;
  const program = findProgram("redis-server");
  if (program === null) {
    const skipped = files.map((folder) => `${folder} on Redis: redis-server is missing`);
    add("on Redis", { passed: 0, failed: 0, skipped });
    return;
  }
  say("suites of the queues, on Redis");
  const redisUrl = await startRedis(program);
  const projects = ["integration", "scenarios"];
  add(
    "on Redis",
    await runVitest({ projects, files, env: { ...env, SLIPWAY_TEST_REDIS_URL: redisUrl } }),
  );
}

async function browserPass(env) {
  const config = "tests/e2e/playwright.config.ts";
  if (!existsSync(join(root, config))) return;
  const chromium = findProgram("chromium");
  if (chromium === null) {
    const skipped = ["tests/e2e: chromium is missing (SLIPWAY_TEST_CHROMIUM may name another)"];
    add("in a browser", { passed: 0, failed: 0, skipped });
    return;
  }
  say("journeys in a browser");
  const report = join(temporaryFolder(), "playwright.json");
  const { status } = await run(
    tool("playwright"),
    ["test", "--config", config, "--reporter=list,json"],
    {
      show: true,
      timeoutMs: 20 * 60_000,
      env: {
        ...toolEnv,
        ...env,
        SLIPWAY_TEST_CHROMIUM: chromium,
        PLAYWRIGHT_JSON_OUTPUT_FILE: report,
      },
    },
  );
  add("in a browser", countPlaywright(report, status));
}

/** A journey that needed a second try is a failure: somebody would meet the first one. */
function countPlaywright(report, status) {
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: [] };
  const { suites, stats } = JSON.parse(readFileSync(report, "utf8"));
  const failed = stats.unexpected + stats.flaky;
  const specs = (suite) => [...suite.specs, ...(suite.suites ?? []).flatMap(specs)];
  const skipped = suites.flatMap(specs).flatMap((spec) =>
    spec.tests
      .filter((test) => test.status === "skipped")
      .map((test) => {
        const note = test.annotations.find(({ type }) => type === "skip")?.description;
        return `e2e > ${spec.title}: ${note ?? "no reason given"}`;
      }),
  );
  return { passed: stats.expected, failed: status !== 0 && failed === 0 ? 1 : failed, skipped };
}

async function main() {
  checkNode();
  const missing = await ensurePrograms();
  await inTurn(async () => {
    await ensurePackages({ withDev: true });
    await ensureBuilt();
  });
  const checks = await runChecks();
  add("checks", { passed: checks.passed, failed: checks.failed.length, skipped: [] });
  add("unit", await runVitest({ projects: ["unit"] }));
  const env = { SLIPWAY_TEST_DATABASE_URL: await startDatabase() };
  for (const project of ["integration", "conformance", "interop", "scenarios"]) {
    add(project, await runVitest({ projects: [project], env }));
  }
  await redisPass(env);
  await browserPass(env);
  return missing;
}

try {
  const missing = await main();
  await cleanUp();
  if (missing.length + total.skipped.length > 0) console.log("\nSkipped, and why:");
  for (const line of [...missing, ...total.skipped]) console.log(`  ${line}`);
  const counts = [`${total.passed} passed`, `${total.failed} failed`];
  if (total.skipped.length > 0) counts.push(`${total.skipped.length} skipped`);
  console.log(`\n${counts.join(", ")}`);
  process.exitCode = total.failed > 0 ? 1 : 0;
} catch (error) {
  await cleanUp();
  console.error(error instanceof Error ? error.message : error);
  console.log(`\n${total.passed} passed, ${total.failed + 1} failed`);
  process.exit(1);
}
