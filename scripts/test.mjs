// `npm test`: everything that the suites need, then all suites. The last line is always
// `N passed, N failed` or `N passed, N failed, N skipped`; before it stands every failure, every skip
// with its reason, and every test that passed only when it was tried again, alone.
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

const total = { passed: 0, failed: [], skipped: [], shaky: [] };

function add(name, { passed = 0, failed = [], skipped = [], shaky = [] }) {
  total.passed += passed;
  total.failed.push(...failed);
  total.skipped.push(...skipped);
  total.shaky.push(...shaky);
  say(`${name}: ${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
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
    add("on Redis", { skipped });
    return;
  }
  say("suites of the queues, on Redis");
  const redisUrl = await startRedis(program);
  const projects = ["integration", "scenarios"];
  add(
    "on Redis",
    await runVitest({
      ...{ projects, files, again: true },
      env: { ...env, SLIPWAY_TEST_REDIS_URL: redisUrl },
    }),
  );
}

async function browserPass(env) {
  const config = "tests/e2e/playwright.config.ts";
  if (!existsSync(join(root, config))) return;
  const chromium = findProgram("chromium");
  if (chromium === null) {
    const skipped = ["tests/e2e: chromium is missing (SLIPWAY_TEST_CHROMIUM may name another)"];
    add("in a browser", { skipped });
    return;
  }
  say("journeys in a browser");
  const report = join(temporaryFolder(), "playwright.json");
  const { status } = await run(
    tool("playwright"),
    ["test", "--config", config, "--reporter=list,json", "--retries=1"],
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

function countPlaywright(report, status) {
  if (!existsSync(report)) return { failed: ["e2e: playwright ended without a report"] };
  const { suites, stats, errors } = JSON.parse(readFileSync(report, "utf8"));
  const specs = (suite) => [...suite.specs, ...(suite.suites ?? []).flatMap(specs)];
  const tests = suites
    .flatMap(specs)
    .flatMap(({ title, tests }) => tests.map((test) => ({ title: `e2e > ${title}`, ...test })));
  const those = (wanted) => tests.filter(({ status }) => status === wanted);
  const firstLine = (text) => (text ?? "").split("\n", 1)[0].slice(0, 300);
  const why = ({ title, results }) =>
    `${title}: ${firstLine(results.find(({ error }) => error)?.error.message)}`;
  const failed = [...those("unexpected").map(why), ...errors.map((e) => firstLine(e.message))];
  if (status !== 0 && failed.length === 0) failed.push(`e2e: playwright ended with ${status}`);
  const skipped = those("skipped").map(({ title, annotations }) => {
    const note = annotations.find(({ type }) => type === "skip")?.description;
    return `${title}: ${note ?? "no reason given"}`;
  });
  return { passed: stats.expected + stats.flaky, failed, skipped, shaky: those("flaky").map(why) };
}

async function main() {
  checkNode();
  const missing = await ensurePrograms();
  await inTurn(async () => {
    await ensurePackages({ withDev: true });
    await ensureBuilt();
  });
  const checks = await runChecks();
  add("checks", checks);
  add("unit", await runVitest({ projects: ["unit"] }));
  const env = { SLIPWAY_TEST_DATABASE_URL: await startDatabase() };
  for (const project of ["integration", "conformance", "interop", "scenarios"]) {
    add(project, await runVitest({ projects: [project], env, again: true }));
  }
  await redisPass(env);
  await browserPass(env);
  return missing;
}

const list = (title, lines) => {
  if (lines.length > 0) console.log(`\n${title}`);
  for (const line of lines) console.log(`  ${line}`);
};

try {
  const missing = await main();
  await cleanUp();
  list("Skipped, and why:", [...missing, ...total.skipped]);
  list("Passed only at the second try:", total.shaky);
  list("Failed:", total.failed);
  const counts = [`${total.passed} passed`, `${total.failed.length} failed`];
  if (total.skipped.length > 0) counts.push(`${total.skipped.length} skipped`);
  console.log(`\n${counts.join(", ")}`);
  process.exitCode = total.failed.length > 0 ? 1 : 0;
} catch (error) {
  await cleanUp();
  console.error(error instanceof Error ? error.message : error);
  console.log(`\n${total.passed} passed, ${total.failed.length + 1} failed`);
  process.exit(1);
}
