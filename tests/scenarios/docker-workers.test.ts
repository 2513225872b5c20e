// Guarantee: builds on DockerLatentWorkers of a real engine come to a green end, each in a container of
// its own, with Python's worker and with ours; and whatever is killed meanwhile, we or the engine, they
// still do, and no container is left.
import { existsSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { hasBuildbotWorker } from "../support/buildbot-worker";
import { startDockerEngine } from "../support/docker-engine";
import { hasDockerRegistry, startDockerRegistry } from "../support/docker-registry";
import { type DockerWorkers, dockerWorkers } from "../support/docker-workers";
import { type SlipwayInstance, startSlipway } from "../support/slipway-instance";

const SUCCESS = 0;
const EXCEPTION = 4;
const RETRY = 5;
const engine = await startDockerEngine();

describe.skipIf(engine === null)("docker workers", () => {
  if (engine === null) return;
  const { docker: api } = engine;
  let slipway: SlipwayInstance;
  let workers: DockerWorkers;

  beforeAll(async () => {
    workers = await dockerWorkers(engine);
    slipway = await startSlipway();
  });
  afterAll(async () => {
    await slipway?.stop();
    await engine.stop();
    workers?.remove();
  });
  beforeEach(() => {
    expect(existsSync(slipway.dataDir)).toBe(true);
  });

  const builder = (name: string, workernames: readonly string[], command: string | string[]) => ({
    ...{ name, workernames },
    factory: [{ type: "ShellCommand", command, logEnviron: false }],
  });
  const docker = (name: string, options: object) => ({
    ...{ type: "DockerLatentWorker", name, max_builds: 1 },
    ...options,
  });
  const apply = (latent: readonly object[], builders: readonly object[]) =>
    slipway.apply({ workers: latent, projects: { p: { builders } } });

  async function force(name: string): Promise<number> {
    const { buildrequestids } = await slipway.call<{ buildrequestids: Record<string, number> }>(
      `builders/${name}`,
      "force",
      { reason: "test" },
    );
    return Object.values(buildrequestids)[0] as number;
  }

  interface Build {
    readonly buildid: number;
    readonly results: number | null;
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

  interface Step {
    readonly number: number;
    readonly state_string: string;
  }

  /** What the build's own step printed, or another's. */
  async function log({ buildid }: Build, step?: number): Promise<string> {
    const { steps } = await slipway.get<{ steps: Step[] }>(`builds/${buildid}/steps`);
    const { logchunks } = await slipway.get<{ logchunks: { content: string }[] }>(
      `builds/${buildid}/steps/${step ?? steps.at(-1)?.number}/logs/stdio/contents`,
    );
    return logchunks.map(({ content }) => content).join("");
  }

  const allGone = async () => {
    while ((await engine.containers()).length > 0) await setTimeout(50);
  };

  test.each(["pb", "msgpack_experimental_v7"])(
    "both workers log in by %s and build",
    async (spoken) => {
      const options = { master_protocol: spoken };
      const kinds = hasBuildbotWorker()
        ? (["slipway", "buildbot"] as const)
        : (["slipway"] as const);
      await apply(
        kinds.map((kind) => docker(kind, { ...workers[kind], ...options })),
        kinds.map((kind) => builder(kind, [kind], "echo in $(hostname); env")),
      );
      for (const kind of kinds) {
        const build = await ended(await force(kind));
        const said = await log(build);
        expect({ kind, results: build.results, said }).toMatchObject({ results: SUCCESS });
        expect(said).not.toContain("WORKERPASS");
      }
      await allGone();
    },
  );

  test("each build has a container of its own, and nothing of one is in the next", async () => {
    await apply(
      [docker("w", workers.slipway)],
      [builder("b", ["w"], "ls /worker/left && exit 1; touch /worker/left; cat /proc/self/cgroup")],
    );
    const requests = [await force("b"), await force("b"), await force("b")];
    const said = new Set<string>();
    for (const request of requests) {
      const build = await ended(request);
      expect(build.results).toBe(SUCCESS);
      said.add((await log(build)).match(/docker\/([0-9a-f]{12})/)?.[1] ?? "");
    }
    expect(said.size).toBe(3);
    await allGone();
  });

  test("the image may depend on the build, and a container that is kept serves its like", async () => {
    await api.getImage(engine.hostfs.image).tag({ repo: "flavoured", tag: "other" });
    const kept = { image: "%(prop:flavour)s", build_wait_timeout: 600 };
    const of = (name: string, flavour: string) => ({
      ...builder(name, ["w"], "cat /proc/self/cgroup"),
      properties: { flavour },
    });
    await apply(
      [docker("w", { ...workers.slipway, ...kept })],
      [of("a", "hostfs:latest"), of("b", "flavoured:other")],
    );
    const containers: (string | undefined)[] = [];
    for (const name of ["a", "a", "b"]) {
      const build = await ended(await force(name));
      expect(build.results).toBe(SUCCESS);
      containers.push((await log(build)).match(/docker\/([0-9a-f]{12})/)?.[1]);
    }
    const [first, again, other] = containers;
    expect(first).toBeDefined();
    expect(again).toBe(first);
    expect(other).not.toBe(first);
    await apply([], []);
    await allGone();
  });

  test("an image that is not there ends the build with the reason", async () => {
    await apply(
      [docker("w", { ...workers.slipway, image: "nowhere/nothing:1" })],
      [builder("b", ["w"], "true")],
    );
    const build = await ended(await force("b"));
    expect(build.results).toBe(EXCEPTION);
    const { builds } = await slipway.get<{ builds: { state_string: string }[] }>(
      `builds/${build.buildid}`,
    );
    expect(builds[0]?.state_string).toContain("nowhere/nothing:1 not found on docker host");
    await allGone();
  });

  test("one that never logs in is given up, with what it printed; the next is green", async () => {
    const silent = { command: ["sh", "-c", "echo all is well; sleep 1000"], missing_timeout: 2 };
    await apply([docker("w", { ...workers.slipway, ...silent })], [builder("b", ["w"], "true")]);
    const request = await force("b");
    while ((await buildsOf(request))[0]?.results !== RETRY) await setTimeout(50);
    await apply([docker("w", workers.slipway)], [builder("b", ["w"], "true")]);
    expect((await ended(request)).results).toBe(SUCCESS);
    const [first] = await buildsOf(request);
    // The only step that it came to.
    expect(await log(first as Build)).toContain("all is well");
    await allGone();
  });

  test.skipIf(!hasDockerRegistry())(
    "an image is pulled as whom the options say, told in the log, and the password is nowhere",
    async () => {
      const user = {
        username: "puller",
        password: `pull-it-${Math.random().toString(36).slice(2)}`,
      };
      const registry = await startDockerRegistry({ user });
      try {
        const image = await registry.push(api, engine.hostfs.image, "team/worker:1");
        const from = (password: string) =>
          docker("w", {
            ...{ ...workers.slipway, image, autopull: true },
            registry_auth: { username: user.username, password },
          });
        await apply([from("wrong-guess-of-it")], [builder("b", ["w"], "true")]);
        const refused = await ended(await force("b"));
        expect(refused.results).toBe(EXCEPTION);
        const { builds } = await slipway.get<{ builds: { state_string: string }[] }>(
          `builds/${refused.buildid}`,
        );
        expect(builds[0]?.state_string).toMatch(/could not be pulled: .*unauthorized/);
        expect(await log(refused)).toMatch(/image \S+ is pulled\n.*unauthorized.*registry_auth/s);
        // Literal in the document, it is a secret as soon as that is activated.
        await apply([from(user.password)], [builder("b", ["w"], "true")]);
        const build = await ended(await force("b"));
        expect(build.results).toBe(SUCCESS);
        expect(await log(build, 0)).toMatch(
          /image \S+ is pulled\no1: Pulling from team\/worker\n.*Digest: sha256:\w+\noStatus: Downloaded newer image/s,
        );
        await allGone();
        const words = ["wrong-guess-of-it", user.password].flatMap((password) => [
          password,
          Buffer.from(`${user.username}:${password}`).toString("base64"),
        ]);
        const rows = await everything();
        // The secret's name is there, so this looks where it has to.
        expect(rows.some((row) => row.includes("registry_auth"))).toBe(true);
        for (const word of words) {
          const hex = Buffer.from(word).toString("hex");
          expect(rows.filter((row) => row.includes(word) || row.includes(hex))).toEqual([]);
          expect(slipway.output.filter((line) => line.includes(word))).toEqual([]);
        }
      } finally {
        await registry.stop();
      }
    },
  );

  /** Each row of each table, as text. */
  async function everything(): Promise<string[]> {
    const client = new pg.Client({ connectionString: slipway.databaseUrl });
    await client.connect();
    try {
      const { rows: tables } = await client.query<{ name: string }>(
        `select format('%I.%I', schemaname, tablename) as name from pg_tables
         where schemaname not in ('pg_catalog', 'information_schema')`,
      );
      const rows: string[] = [];
      for (const { name } of tables) {
        const found = await client.query<{ row: string }>(`select t::text as row from ${name} t`);
        rows.push(...found.rows.map(({ row }) => row));
      }
      return rows;
    } finally {
      await client.end();
    }
  }

  describe("a burst", () => {
    const NAMES = ["one", "two", "three"] as const;
    const EACH = 6;
    const COMMAND = "echo begun; sleep 0.5; echo ended";
    const python = () => (hasBuildbotWorker() ? workers.buildbot : workers.slipway);

    async function onWorkers(): Promise<void> {
      const kinds = [workers.slipway, workers.slipway, python()];
      const latent = [...kinds, ...kinds].map((kind, index) => docker(`w${index}`, kind));
      const names = latent.map(({ name }) => name);
      await apply(
        latent,
        NAMES.map((name) => builder(name, names, COMMAND)),
      );
    }

    async function onPools(): Promise<void> {
      const pool = (name: string, options: object, more: object) => {
        const { password: _, ...worker } = options as { password: unknown };
        return { name, worker: { type: "DockerLatentWorker", ...worker }, ...more };
      };
      await slipway.apply({
        workers: [],
        pools: [
          pool("linux", workers.slipway, { maxWorkers: 4, labels: ["linux", "ours"] }),
          pool("python", python(), { maxWorkers: 2, labels: ["linux"] }),
        ],
        projects: {
          p: {
            builders: NAMES.map((name, index) => ({
              ...builder(name, [], COMMAND),
              ...(index === 0 ? { labels: ["linux"] } : { pools: ["linux", "python"] }),
            })),
          },
        },
      });
    }

    const burst = () =>
      Promise.all(Array.from({ length: EACH }, () => NAMES.map((name) => force(name))).flat());

    /** Each request is green in the end, whatever it took, and each green build said all of it. */
    async function expectGreen(requests: readonly number[]): Promise<number> {
      let builds = 0;
      for (const request of requests) {
        const last = await ended(request);
        expect({ request, results: last.results }).toEqual({ request, results: SUCCESS });
        expect(await log(last)).toContain("obegun\noended\n");
        builds += (await buildsOf(request)).length;
      }
      await allGone();
      expect((await api.listVolumes()).Volumes ?? []).toEqual([]);
      return builds;
    }

    test.each([
      ["several workers", onWorkers],
      ["pools", onPools],
    ])("on %s at once: all green, none left", async (_on, configure) => {
      await configure();
      const requests = await burst();
      expect(await expectGreen(requests)).toBe(requests.length);
    });

    test("in the middle everything of ours is killed, and the engine: all green, none left", async () => {
      await onPools();
      const requests = await burst();
      while ((await engine.containers()).length < 4) await setTimeout(20);
      await ended(requests[0] as number);
      for (const name of Object.keys(slipway.pids())) slipway.kill(name as "supervisor");
      await engine.kill();
      await slipway.exited();
      await engine.startAgain();
      await slipway.startAgain();
      const builds = await expectGreen(requests);
      expect(builds).toBeGreaterThan(requests.length);
    });

    test("in the middle the engine is killed and comes back: all green, none left", async () => {
      await onWorkers();
      const requests = await burst();
      while ((await engine.containers()).length < 4) await setTimeout(20);
      await engine.kill();
      await setTimeout(1_000);
      await engine.startAgain();
      await expectGreen(requests);
    });
  });
});
