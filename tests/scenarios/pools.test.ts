// Guarantee: what people wanted of a CI on machines on demand works in a real installation: three builders
// with a burst of requests get several machines at once, each with an identity of its own, every build is
// green at its first try, and no machine is left (K-030, K-031, K-033, K-054).
import { existsSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { markedProcesses } from "../../server/drivers/local/processes";
import { hasBuildbotWorker, startBuildbotWorker } from "../support/buildbot-worker";
import { installationTagIn } from "../support/installation-tag";
import { type SlipwayInstance, startSlipway } from "../support/slipway-instance";

const SUCCESS = 0;
const KEY = "pools-scenario-".padEnd(43, "k");
const BUILDERS = ["cargo1", "cargo2", "cargo3"];
const OF_EACH = 4;
const MOST = 5;

let slipway: SlipwayInstance;

const configuration = (command: string) => ({
  collapseRequests: false,
  pools: [
    {
      ...{ name: "rust", worker: { type: "LocalLatentWorker" }, labels: ["rust"] },
      ...{ maxWorkers: MOST, idleTimeout: 0 },
    },
    { name: "deploy", worker: { type: "Worker" }, maxWorkers: 5 },
  ],
  projects: {
    cargo: {
      builders: BUILDERS.map((name, index) => ({
        name,
        // By its name or by its label: it is the same pool.
        ...(index === 0 ? { labels: ["rust"] } : { pools: ["rust"] }),
        factory: [{ type: "ShellCommand", command, logEnviron: false }],
      })).concat([
        {
          name: "deployed",
          pools: ["deploy"],
          factory: [{ type: "ShellCommand", command, logEnviron: false }],
        },
      ]),
    },
  },
});

beforeAll(async () => {
  slipway = await startSlipway({ env: { SLIPWAY_SECRET_KEY: KEY } });
});
afterAll(async () => {
  await slipway?.stop();
});

async function force(builder: string): Promise<number> {
  const { buildrequestids } = await slipway.call<{ buildrequestids: Record<string, number> }>(
    `builders/${builder}`,
    "force",
    { reason: "burst" },
  );
  return Object.values(buildrequestids)[0] as number;
}

interface Build {
  readonly results: number | null;
  readonly workerid: number;
}

async function ended(request: number): Promise<Build[]> {
  for (;;) {
    const { buildrequests } = await slipway
      .get<{ buildrequests: { complete: boolean }[] }>(`buildrequests/${request}`)
      .catch(() => ({ buildrequests: [] }));
    if (buildrequests[0]?.complete) {
      return (await slipway.get<{ builds: Build[] }>(`buildrequests/${request}/builds`)).builds;
    }
    await setTimeout(50);
  }
}

/** Marks of this installation's machines, as the host sees them. */
async function machines(): Promise<string[]> {
  const tag = await installationTagIn(slipway.databaseUrl);
  const all = await markedProcesses("SLIPWAY_MACHINE");
  return all
    .filter(
      ({ mark, isLeader, isZombie }) =>
        isLeader && !isZombie && JSON.parse(mark).tag.installation === tag,
    )
    .map(({ mark }) => mark);
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await setTimeout(50);
}

/** All requests of a burst, and how many machines there were at most at a time. */
async function burst(during: () => Promise<void> = async () => {}) {
  const requests = await Promise.all(
    Array.from({ length: OF_EACH }, () => BUILDERS)
      .flat()
      .map(force),
  );
  let most = 0;
  let isOver = false;
  const watch = (async () => {
    while (!isOver) {
      most = Math.max(most, (await machines()).length);
      await setTimeout(50);
    }
  })();
  await during();
  const builds = await Promise.all(requests.map(ended));
  isOver = true;
  await watch;
  return { builds, most };
}

test("twelve requests over three builders: several machines at once, all green, none left", async () => {
  await slipway.apply(configuration("sleep 1; echo built"));
  const { builds, most } = await burst();
  // No build was ended by scaling, so each request had one.
  expect(builds.map((each) => each.map(({ results }) => results))).toEqual(
    builds.map(() => [SUCCESS]),
  );
  expect(most).toBeGreaterThanOrEqual(3);
  expect(most).toBeLessThanOrEqual(MOST);
  await until(async () => (await machines()).length === 0);
  const { workers } = await slipway.get<{ workers: { workerid: number; name: string }[] }>(
    "workers",
  );
  const names = workers
    .map(({ name }) => name)
    .filter((name) => name.startsWith("rust-"))
    .sort();
  expect(names.length).toBeGreaterThanOrEqual(3);
  expect(names).toEqual(names.map((_, index) => `rust-${index + 1}`));
  const used = new Set(builds.flat().map(({ workerid }) => workerid));
  expect(used.size).toBeGreaterThanOrEqual(3);
});

test("the same while the jobs process is killed: all green, each once, none left", async () => {
  await slipway.apply(configuration("sleep 2; echo built"));
  const { builds } = await burst(async () => {
    await until(async () => (await machines()).length >= 2);
    slipway.kill("jobs");
  });
  expect(builds.flat().map(({ results }) => results)).toEqual(builds.map(() => SUCCESS));
  await until(async () => (await machines()).length === 0);
});

test.skipIf(!hasBuildbotWorker())(
  "a Deployment with five replicas and a join token: five workers; a replica with another's name is told (K-037)",
  async () => {
    await slipway.apply(configuration("sleep 2; echo built"));
    const join = async () => {
      const answer = await fetch(`${slipway.url}/main/api/v2/pools/deploy/join`, {
        ...{ method: "POST", body: "{}" },
        headers: { authorization: `Bearer ${slipway.token}` },
      });
      return { status: answer.status, body: (await answer.json()) as Record<string, string> };
    };
    const joined = await Promise.all(Array.from({ length: 5 }, join));
    expect(joined.map(({ status }) => status)).toEqual(Array(5).fill(200));
    expect((await join()).status).toBe(409);
    const start = ({ body }: (typeof joined)[number]) =>
      startBuildbotWorker({
        ...{ host: "127.0.0.1", port: Number(body.BUILDMASTER_PORT) },
        ...{ name: body.WORKERNAME ?? "", password: body.WORKERPASS ?? "" },
      });
    const workers = await Promise.all(joined.map(start));
    try {
      await until(async () => {
        const { workers: known } = await slipway.get<{
          workers: { name: string; connected_to: unknown[] }[];
        }>("workers");
        const here = known.filter(({ name, connected_to }) => {
          return name.startsWith("deploy-") && connected_to.length > 0;
        });
        return here.length === 5;
      });
      const builds = (
        await Promise.all(
          (await Promise.all(Array.from({ length: 5 }, () => force("deployed")))).map(ended),
        )
      ).flat();
      expect(builds.map(({ results }) => results)).toEqual(Array(5).fill(SUCCESS));
      expect(new Set(builds.map(({ workerid }) => workerid)).size).toBe(5);
      // What went wrong where all replicas had one name is refused, and said on both sides.
      const twin = await start(joined[0] as (typeof joined)[number]);
      const said = /worker deploy-\d already connected from \S+; use a pool/;
      try {
        await until(
          async () => existsSync(twin.logPath) && said.test(readFileSync(twin.logPath, "utf8")),
        );
        await until(async () => slipway.output.some((line) => said.test(line)));
      } finally {
        await twin.stop();
      }
    } finally {
      await Promise.all(workers.map((worker) => worker.stop()));
    }
  },
);
