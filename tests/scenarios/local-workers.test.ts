// Guarantee: local workers of a real installation follow the configuration as it changes, build in their
// own directories through whichever door is open, and leave nothing running behind.
import { existsSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isAlive } from "../../server/db/embedded";
import { freePorts } from "../support/free-ports";
import { type SlipwayInstance, startSlipway } from "../support/slipway-instance";

const SUCCESS = 0;

let slipway: SlipwayInstance;

const configuration = (...workers: object[]) => ({
  workers: workers.map((worker) => ({ type: "LocalWorker", ...worker })),
  projects: {
    p: {
      builders: workers.map((worker) => ({
        name: `on-${(worker as { name: string }).name}`,
        workernames: [(worker as { name: string }).name],
        factory: [{ type: "ShellCommand", command: "echo at $PWD by $(id -u)", logEnviron: false }],
      })),
    },
  },
});

beforeAll(async () => {
  const [msgpackPort] = await freePorts(1);
  slipway = await startSlipway({
    env: { SLIPWAY_PB_PORT: "0", SLIPWAY_MSGPACK_PORT: String(msgpackPort) },
    config: configuration({ name: "one" }, { name: "two", workdir: "deep/er" }),
  });
});

afterAll(async () => {
  await slipway?.stop();
});

/** Builds, and resolves with the directory that the step saw. */
async function directoryOf(builder: string): Promise<string> {
  const { buildrequestids } = await slipway.call<{ buildrequestids: Record<string, number> }>(
    `builders/${builder}`,
    "force",
    { reason: "test" },
  );
  const [request] = Object.values(buildrequestids);
  for (;;) {
    const { builds } = await slipway.get<{
      builds: { buildid: number; results: number | null; complete: boolean }[];
    }>(`buildrequests/${request}/builds`);
    const [build] = builds;
    if (!build?.complete) {
      await setTimeout(50);
      continue;
    }
    expect(build.results).toBe(SUCCESS);
    const { logchunks } = await slipway.get<{ logchunks: { content: string }[] }>(
      `builds/${build.buildid}/steps/0/logs/stdio/contents`,
    );
    return /^o?at (.*) by/m.exec(logchunks[0]?.content ?? "")?.[1] ?? "";
  }
}

const workers = () => Object.entries(slipway.pids()).filter(([name]) => name.startsWith("worker "));

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await setTimeout(50);
}

test("each builds in its own directory", async () => {
  expect(await directoryOf("on-one")).toMatch(/\/workers\/main\/one\/on-one\/build$/);
  expect(await directoryOf("on-two")).toMatch(/\/workers\/main\/deep\/er\/on-two\/build$/);
});

test("one is renamed, one moves, one comes and one goes, live", async () => {
  const before = Object.fromEntries(workers());
  await slipway.apply(
    configuration({ name: "uno" }, { name: "two", workdir: "elsewhere" }, { name: "three" }),
  );
  // Until it has left, the one that moves may be given a build where it was.
  for (const pid of Object.values(before)) await until(() => !isAlive(pid));
  const directories = await Promise.all(["on-uno", "on-two", "on-three"].map(directoryOf));
  expect(directories.map((path) => path.split("/workers/main/")[1])).toEqual([
    ...["uno/on-uno/build", "elsewhere/on-two/build", "three/on-three/build"],
  ]);
  await slipway.apply(configuration({ name: "three" }));
  await until(() => workers().length === 1);
  expect(workers().map(([name]) => name)).toEqual(["worker three"]);
});

test("none is left when the installation has stopped", async () => {
  const pids = workers().map(([, pid]) => pid);
  expect(pids).toHaveLength(1);
  await slipway.stop();
  expect(pids.filter((pid) => isAlive(pid))).toEqual([]);
  expect(existsSync(slipway.dataDir)).toBe(false);
});
