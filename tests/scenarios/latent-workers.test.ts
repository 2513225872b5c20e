// Guarantee: a latent worker of the configuration gets its machine when a build wants it, in a real
// installation; the machine is gone when it is not wanted any more; and whatever process is killed in
// between, the build comes to its end and no machine is left.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { markedProcesses } from "../../server/drivers/local/processes";
import { projectRoot } from "../../server/env";
import { installationTagIn } from "../support/installation-tag";
import { type SlipwayInstance, startSlipway } from "../support/slipway-instance";

const SUCCESS = 0;
const CANCELLED = 6;
const KEY = "latent-workers-scenario-".padEnd(43, "k");

let slipway: SlipwayInstance;
/** Known also while the installation is down. */
let tag: string;

const configuration = (command: string, options: object = {}) => ({
  workers: [{ type: "LocalLatentWorker", name: "cloud", build_wait_timeout: 0, ...options }],
  projects: {
    p: {
      builders: [
        {
          name: "b",
          workernames: ["cloud"],
          factory: [{ type: "ShellCommand", command, logEnviron: false }],
        },
      ],
    },
  },
});

beforeAll(async () => {
  slipway = await startSlipway({ env: { SLIPWAY_SECRET_KEY: KEY } });
  tag = await installationTagIn(slipway.databaseUrl);
});

beforeEach(async () => {
  await slipway.apply(configuration("echo at $PWD"));
});

afterAll(async () => {
  await slipway?.stop();
});

interface Build {
  readonly buildid: number;
  readonly results: number | null;
  readonly complete: boolean;
}

async function force(): Promise<number> {
  const { buildrequestids } = await slipway.call<{ buildrequestids: Record<string, number> }>(
    "builders/b",
    "force",
    { reason: "test" },
  );
  return Object.values(buildrequestids)[0] as number;
}

const buildsOf = async (request: number) =>
  (await slipway.get<{ builds: Build[] }>(`buildrequests/${request}/builds`)).builds;

/** The build with which the request came to its end. */
async function ended(request: number): Promise<Build> {
  for (;;) {
    const { buildrequests } = await slipway
      .get<{ buildrequests: { complete: boolean }[] }>(`buildrequests/${request}`)
      .catch(() => ({ buildrequests: [] }));
    if (buildrequests[0]?.complete) return (await buildsOf(request)).at(-1) as Build;
    await setTimeout(50);
  }
}

/** Machines that this installation has, as the host sees them. */
async function machines(): Promise<number[]> {
  const all = await markedProcesses("SLIPWAY_MACHINE");
  const ours = all.filter(
    ({ mark, isLeader, isZombie }) =>
      isLeader && !isZombie && JSON.parse(mark).tag.installation === tag,
  );
  return ours.map(({ pid }) => pid);
}

async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isSo())) await setTimeout(20);
}

/** The `slipway` command on the server's host. */
async function cli(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(projectRoot(), ".dist/cli.js"), ...args],
    {
      env: {
        NODE_ENV: "production",
        PATH: process.env.PATH,
        DATABASE_URL: slipway.databaseUrl,
        SLIPWAY_SECRET_KEY: KEY,
        SLIPWAY_DATA_DIR: slipway.dataDir,
      },
    },
  );
  return stdout;
}

const areGone = async () => (await machines()).length === 0;

test("a build gets a machine, is green, and the machine goes", async () => {
  expect(await machines()).toEqual([]);
  const build = await ended(await force());
  expect(build.results).toBe(SUCCESS);
  await until(areGone);
  const { logchunks } = await slipway.get<{ logchunks: { content: string }[] }>(
    `builds/${build.buildid}/steps/1/logs/stdio/contents`,
  );
  expect(logchunks[0]?.content).toMatch(/machines\/bb-.*-main-cloud-.*\/worker\/b\/build/);
});

test("its first step says what was done for its machine", async () => {
  const build = await ended(await force());
  const { logchunks } = await slipway.get<{ logchunks: { content: string }[] }>(
    `builds/${build.buildid}/steps/worker_preparation/logs/stdio/contents`,
  );
  const said = logchunks.map(({ content }) => content).join("");
  expect(said).toMatch(/^hworker cloud is wanted\nhmachine bb-\S+ is asked for\n/);
  expect(said).toContain("hits machine has logged in\n");
  await until(areGone);
});

test("jobs is killed while the machine boots: the build is green, one machine was made", async () => {
  const request = await force();
  await until(async () => (await machines()).length > 0);
  expect(slipway.kill("jobs")).not.toBeNull();
  expect((await ended(request)).results).toBe(SUCCESS);
  expect(await buildsOf(request)).toHaveLength(1);
  await until(areGone);
});

test("jobs is killed before any machine is there: the build is green", async () => {
  const request = await force();
  await until(async () => (await buildsOf(request)).length > 0);
  slipway.kill("jobs");
  expect((await ended(request)).results).toBe(SUCCESS);
  await until(areGone);
});

test("jobs is killed while the build runs: the build goes on, and the machine goes after it", async () => {
  await slipway.apply(configuration("sleep 2"));
  const request = await force();
  await until(async () => {
    const [build] = await buildsOf(request);
    if (!build) return false;
    const { steps } = await slipway.get<{ steps: { started_at: number | null }[] }>(
      `builds/${build.buildid}/steps`,
    );
    // The first is the one in which it waits for its machine.
    return steps.slice(1).some(({ started_at }) => started_at !== null);
  });
  slipway.kill("jobs");
  expect((await ended(request)).results).toBe(SUCCESS);
  expect(await buildsOf(request)).toHaveLength(1);
  await until(areGone);
});

test("a machine that is kept serves the next build, and goes with its worker", async () => {
  await slipway.apply(configuration("echo at $PWD", { build_wait_timeout: 600 }));
  await ended(await force());
  const [first] = await machines();
  expect(first).toBeDefined();
  await ended(await force());
  expect(await machines()).toEqual([first]);
  await slipway.apply({ workers: [], projects: { p: { builders: [] } } });
  await until(areGone);
});

test("a build that is stopped while its machine is made is cancelled, and the machine goes", async () => {
  // Nothing answers where this one is told to log in.
  await slipway.apply(configuration("true", { missing_timeout: 600 }));
  const request = await force();
  await until(async () => (await buildsOf(request)).length > 0);
  const [build] = await buildsOf(request);
  await slipway.call(`builds/${build?.buildid}`, "stop", { reason: "not needed" });
  const result = (await ended(request)).results;
  // It may have been quicker than we.
  expect([CANCELLED, SUCCESS]).toContain(result);
  await until(areGone);
});

test("a worker that becomes static has its machine no more, and one that becomes latent again has", async () => {
  await slipway.apply(configuration("true", { build_wait_timeout: 600 }));
  await ended(await force());
  expect(await machines()).toHaveLength(1);
  await slipway.apply({
    ...configuration("true"),
    workers: [{ type: "LocalWorker", name: "cloud" }],
  });
  await until(areGone);
  expect((await ended(await force())).results).toBe(SUCCESS);
  expect(await machines()).toEqual([]);
  await slipway.apply(configuration("true", { build_wait_timeout: 600 }));
  expect((await ended(await force())).results).toBe(SUCCESS);
  expect(await machines()).toHaveLength(1);
  await slipway.apply({ workers: [], projects: { p: { builders: [] } } });
  await until(areGone);
});

test("a restart stops no machine: the one that is there serves the next build (A-01)", async () => {
  await slipway.apply(configuration("true", { build_wait_timeout: 600 }));
  await ended(await force());
  const before = await machines();
  expect(before).toHaveLength(1);
  slipway.kill("supervisor", "SIGTERM");
  await slipway.exited();
  expect(await machines()).toEqual(before);
  await slipway.startAgain();
  expect((await ended(await force())).results).toBe(SUCCESS);
  expect(await machines()).toEqual(before);
});

test("the final shutdown lets every machine go, one that is kept for ever too, and makes no more (A-01)", async () => {
  await slipway.apply(configuration("true", { build_wait_timeout: -1 }));
  expect((await ended(await force())).results).toBe(SUCCESS);
  expect(await machines()).toHaveLength(1);
  expect(await cli("machines", "let-go")).toBe("no machine is left\n");
  expect(await machines()).toEqual([]);
  const request = await force();
  await cli("machines", "let-go");
  expect(await buildsOf(request)).toEqual([]);
  expect(await cli("machines", "resume")).toContain("made again");
  expect((await ended(request)).results).toBe(SUCCESS);
  await cli("machines", "let-go");
  expect(await machines()).toEqual([]);
  await cli("machines", "resume");
});
