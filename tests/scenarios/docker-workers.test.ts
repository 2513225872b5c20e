// Guarantee: builds on DockerLatentWorkers of a real engine come to a green end, each in a container of
// its own, with Python's worker and with ours; and whatever is killed meanwhile, we or the engine, they
// still do, and no container is left.
import { existsSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { labelsOf } from "../../server/drivers/docker/labels";
import { hasBuildbotWorker } from "../support/buildbot-worker";
import { type Build, buildsIn } from "../support/builds-in";
import { startDockerEngine } from "../support/docker-engine";
import { hasDockerRegistry, startDockerRegistry } from "../support/docker-registry";
import { type DockerWorkers, dockerWorkers } from "../support/docker-workers";
import { startPodmanEngine } from "../support/podman-engine";
import { OPERATOR_ENV, type Operator, operate } from "../support/provider-sweep";
import { type SlipwayInstance, startSlipway } from "../support/slipway-instance";

const SUCCESS = 0;
const EXCEPTION = 4;
const RETRY = 5;
const engine = await startDockerEngine();
const podman = engine && (await startPodmanEngine());

describe.skipIf(engine === null)("docker workers", () => {
  if (engine === null) return;
  const { docker: api } = engine;
  let slipway: SlipwayInstance;
  let workers: DockerWorkers;
  let operator: Operator;

  beforeAll(async () => {
    workers = await dockerWorkers(engine);
    slipway = await startSlipway({ env: OPERATOR_ENV });
    operator = await operate(slipway);
  });
  afterAll(async () => {
    await slipway?.stop();
    await engine.stop();
    await podman?.stop();
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

  const { force, of: buildsOf, ended, log } = buildsIn(() => slipway);

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
    await apply(
      [docker("silent", { ...workers.slipway, ...silent })],
      [builder("b", ["silent"], "true")],
    );
    const request = await force("b");
    while ((await buildsOf(request))[0]?.results !== RETRY) await setTimeout(50);
    // That one rests now.
    await apply([docker("fresh", workers.slipway)], [builder("b", ["fresh"], "true")]);
    expect((await ended(request)).results).toBe(SUCCESS);
    const [first] = await buildsOf(request);
    // The only step that it came to.
    expect(await log(first as Build)).toContain("all is well");
    await allGone();
  });

  describe.each([
    ["Docker", engine],
    ["Podman", podman],
  ])("the sweep, on %s", (name, there) => {
    if (there === null) return test.skip("is not here", () => {});
    const { docker: provider, host, hostfs } = there;
    const sweep = () => operator.sweep(host);
    const run = async (called: string, Labels: Record<string, string>) => {
      const container = await provider.createContainer({
        ...{ name: called, Labels, Image: hostfs.image, Cmd: ["/bin/sleep", "1000"] },
        HostConfig: { Binds: hostfs.volumes, NetworkMode: "host" },
      });
      await container.start();
      return container;
    };

    test("one that nobody knows goes at the second sighting, and is told; those of others, of nobody and copies stay", async () => {
      await apply([docker(`on-${name}`, { ...workers.slipway, docker_host: host })], []);
      expect(await sweep()).toMatchObject({ seen: 0, error: null, details: [] });
      const tag = { installation: operator.tag, organization: 1, worker: 4_711, generation: 1 };
      const labels = labelsOf("bb-lost-1", tag);
      const others = [
        await run("of-another", { ...labels, "slipway.installation": "0ther" }),
        await run("of-nobody", {}),
        await run("a-copy", labels),
      ];
      const names = ["a-copy", "of-another", "of-nobody"];
      await run("bb-lost-1", labels);
      const lost = { key: "bb-lost-1", kind: "orphan", why: "nobody here knows it" };
      const copy = { key: "a-copy", kind: "unclear", action: "left-alone" };
      expect(await sweep()).toMatchObject({
        ...{ seen: 1, known: 0, orphans: 1, stopped: 0, account: expect.stringContaining(host) },
        details: [{ ...lost, times: 1, action: "sighted" }, copy],
      });
      expect((await there.containers()).sort()).toEqual([...names, "bb-lost-1"].sort());
      expect(await sweep()).toMatchObject({
        ...{ seen: 1, orphans: 1, stopped: 1 },
        details: [{ ...lost, times: 2, action: "stopped", error: null }, copy],
      });
      expect((await there.containers()).sort()).toEqual(names);
      expect(await sweep()).toMatchObject({ seen: 0, orphans: 0, details: [copy] });
      for (const other of others) {
        expect((await other.inspect()).State.Running).toBe(true);
        await other.remove({ force: true });
      }
    });
  });

  test("an engine that is away is told in its own words, and that is no sighting", async () => {
    await apply([docker("w", workers.slipway)], []);
    const tag = { installation: operator.tag, organization: 1, worker: 4_711, generation: 1 };
    const Labels = labelsOf("bb-lost-2", tag);
    await api.createContainer({ name: "bb-lost-2", Image: engine.hostfs.image, Labels });
    const sweep = () => operator.sweep(engine.host);
    expect(await sweep()).toMatchObject({ orphans: 1, stopped: 0 });
    await engine.kill();
    const away = await sweep();
    expect(away).toMatchObject({ orphans: 0, missing: 0, details: [] });
    expect(away.error).toMatch(/^the engine at unix:\S+ does not answer: /);
    await engine.startAgain();
    expect(await sweep()).toMatchObject({ error: null, stopped: 1, details: [{ times: 2 }] });
    expect(await engine.containers()).toEqual([]);
  });

  test("one that somebody removes while its worker is idle is gone, and the next build has another", async () => {
    const kept = { ...workers.slipway, build_wait_timeout: 600 };
    await apply([docker("idle", kept)], [builder("b", ["idle"], "true")]);
    expect((await ended(await force("b"))).results).toBe(SUCCESS);
    const [first] = await operator.machines();
    expect(first).toMatchObject({ worker: "idle", state: "running", isConnected: true });
    await api.getContainer(first?.key as string).remove({ force: true });
    const told = async () =>
      (await operator.machines()).find(({ id, state }) => id === first?.id && state === "gone");
    while (!(await told())) await setTimeout(50);
    expect(await told()).toMatchObject({
      endReason: expect.stringMatching(
        /^its machine is gone: (there is no such container|the container is being removed)$/,
      ),
      isFailed: false,
    });
    expect((await ended(await force("b"))).results).toBe(SUCCESS);
    const [second] = await operator.machines();
    expect(second).toMatchObject({ worker: "idle", state: "running" });
    expect(second?.id).not.toBe(first?.id);
    await apply([], []);
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
        const from = (name: string, password: string) =>
          docker(name, {
            ...{ ...workers.slipway, image, autopull: true },
            registry_auth: { username: user.username, password },
          });
        await apply([from("guesser", "wrong-guess-of-it")], [builder("b", ["guesser"], "true")]);
        const refused = await ended(await force("b"));
        expect(refused.results).toBe(EXCEPTION);
        const { builds } = await slipway.get<{ builds: { state_string: string }[] }>(
          `builds/${refused.buildid}`,
        );
        expect(builds[0]?.state_string).toMatch(/could not be pulled: .*unauthorized/);
        expect(await log(refused)).toMatch(/image \S+ is pulled\n.*unauthorized.*registry_auth/s);
        // Literal in the document, it is a secret as soon as that is activated.
        await apply([from("puller", user.password)], [builder("b", ["puller"], "true")]);
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

    test("in the middle what has the connections and what makes the machines are killed: all green, none left", async () => {
      await onWorkers();
      const requests = await burst();
      while ((await engine.containers()).length < 4) await setTimeout(20);
      for (const name of ["socket", "jobs"] as const) slipway.kill(name);
      await expectGreen(requests);
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
