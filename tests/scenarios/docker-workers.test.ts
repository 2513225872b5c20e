// Guarantee: builds on DockerLatentWorkers of a real engine come to a green end, each in a container of
// its own, with Python's worker and with ours; and whatever is killed meanwhile, we or the engine, they
// still do, and no container is left.
import { existsSync } from "node:fs";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { hasBuildbotWorker } from "../support/buildbot-worker";
import { hasOpenssl } from "../support/certificate";
import { startDockerEngine } from "../support/docker-engine";
import { hasDockerRegistry, startDockerRegistry } from "../support/docker-registry";
import { dockerCertificates } from "../support/docker-tls";
import { freePort } from "../support/free-ports";
import { startPodmanEngine } from "../support/podman-engine";
import { burstOfBuilds } from "./docker/burst";
import { sweepOfEngines } from "./docker/sweep";
import { wordsOfStarts } from "./docker/words";
import { builder, docker, dockerWorld, EXCEPTION, SUCCESS } from "./docker/world";

const certificates = hasOpenssl() ? dockerCertificates() : null;
const tlsHost = `tcp://localhost:${await freePort()}`;
const engine = await startDockerEngine({
  args: certificates ? [...certificates.args, "-H", tlsHost.replace("localhost", "127.0.0.1")] : [],
});
const podman = engine && (await startPodmanEngine());

describe.skipIf(engine === null)("docker workers", () => {
  if (engine === null) return;
  const { docker: api } = engine;
  const world = dockerWorld(engine);
  const { apply, force, ended, log, allGone } = world;

  beforeAll(() => world.start());
  afterAll(async () => {
    await world.stop();
    await engine.stop();
    await podman?.stop();
    certificates?.remove();
  });
  beforeEach(() => {
    expect(existsSync(world.slipway.dataDir)).toBe(true);
  });

  test.each(["pb", "msgpack_experimental_v7"])(
    "both workers log in by %s and build",
    async (spoken) => {
      const options = { master_protocol: spoken };
      const kinds = hasBuildbotWorker()
        ? (["slipway", "buildbot"] as const)
        : (["slipway"] as const);
      await apply(
        kinds.map((kind) => docker(kind, { ...world.workers[kind], ...options })),
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
      [docker("w", world.workers.slipway)],
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
      [docker("w", { ...world.workers.slipway, ...kept })],
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

  wordsOfStarts(world, certificates && { host: tlsHost, certificates });
  sweepOfEngines(world, podman);

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
            ...{ ...world.workers.slipway, image, autopull: true },
            registry_auth: { username: user.username, password },
          });
        await apply([from("guesser", "wrong-guess-of-it")], [builder("b", ["guesser"], "true")]);
        const refused = await ended(await force("b"));
        expect(refused.results).toBe(EXCEPTION);
        const { builds } = await world.slipway.get<{ builds: { state_string: string }[] }>(
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
          expect(world.slipway.output.filter((line) => line.includes(word))).toEqual([]);
        }
      } finally {
        await registry.stop();
      }
    },
  );

  /** Each row of each table, as text. */
  async function everything(): Promise<string[]> {
    const client = new pg.Client({ connectionString: world.slipway.databaseUrl });
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

  burstOfBuilds(world);
});
