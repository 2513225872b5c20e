/** What of a machine's start, or of its failure, stands on the page of the build that waits for it. */
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Build } from "../../support/builds-in";
import type { DockerCertificates } from "../../support/docker-tls";
import { builder, type DockerWorld, docker, EXCEPTION, RETRY, SUCCESS } from "./world";

/** @param overTls where the engine listens for whom its authority knows */
export function wordsOfStarts(
  world: DockerWorld,
  overTls: { readonly host: string; readonly certificates: DockerCertificates } | null,
): void {
  const { engine, apply, force, of: buildsOf, ended, log, allGone } = world;
  test("what keeps a machine from its build stands on the build's page, in the engine's own words", async () => {
    const sh = (script: string) => ["sh", "-c", script];
    // It is not looked at before it says something.
    const seldom = { check_instance_interval: 3_600, missing_timeout: 3_600 };
    const little = { ...engine.hostfs.hostconfig, mem_limit: "32m", memswap_limit: "32m" };
    const from = (dockerfile: string) => ({ image: null, dockerfile: `FROM tiny\n${dockerfile}` });
    const cases: Record<string, { options: object; ends: number; says: RegExp }> = {
      missing: {
        options: { image: "nowhere/nothing:1" },
        ...{ ends: EXCEPTION, says: /nowhere\/nothing:1 not found on docker host/ },
      },
      crashing: {
        options: { ...seldom, command: sh("echo no licence for this host >&2; exit 3") },
        ...{ ends: RETRY, says: /ended with status 3\..*no licence for this host/s },
      },
      hungry: {
        options: { ...seldom, command: sh("exec tail /dev/zero"), hostconfig: little },
        ...{ ends: RETRY, says: /its memory was not enough \(status 137\): see mem_limit/ },
      },
      unbuilt: {
        options: from("RUN echo no compiler here; exit 7\n"),
        ...{ ends: EXCEPTION, says: /could not be built: .*non-zero code: 7.*no compiler here/s },
      },
      aimless: {
        options: { ...from("RUN exit 7\n"), target: "nowhere" },
        ...{ ends: EXCEPTION, says: /could not be built: .*nowhere/ },
      },
    };
    if (overTls) {
      const { ca } = overTls.certificates.tls;
      cases.stranger = {
        options: { docker_host: overTls.host, tls: { ca } },
        ...{ ends: EXCEPTION, says: /TLS with the engine at tcp:\S+ .*not accept our certificate/ },
      };
    }
    const names = Object.keys(cases);
    await apply(
      names.map((name) => docker(name, { ...world.workers.slipway, ...cases[name]?.options })),
      names.map((name) => builder(name, [name], "true")),
    );
    const requests = await Promise.all(names.map(force));
    for (const [index, name] of names.entries()) {
      const first = async () => (await buildsOf(requests[index] as number))[0];
      while (((await first())?.results ?? null) === null) await setTimeout(50);
      const build = (await first()) as Build;
      const { builds } = await world.slipway.get<{ builds: [{ state_string: string }] }>(
        `builds/${build.buildid}`,
      );
      const told = `${builds[0].state_string}\n${await log(build)}`;
      const { ends, says } = cases[name] as (typeof cases)[string];
      expect({ name, ends: build.results, told }).toEqual({
        ...{ name, ends, told: expect.stringMatching(says) },
      });
    }
    await apply([], []);
    await allGone();
  });

  test.skipIf(overTls === null)(
    "an image is built up to its target, by an engine over TLS, and what the container prints at its start is told",
    async () => {
      const dockerfile = [
        'FROM tiny AS words\nARG WORD=none\nRUN echo "$WORD" > /said',
        "FROM hostfs AS worker\nCOPY --from=words /said /said",
        "FROM worker\nRUN exit 3\n",
      ].join("\n");
      const { command } = world.workers.slipway as { command: readonly string[] };
      await apply(
        [
          docker("built", {
            ...world.workers.slipway,
            ...{
              docker_host: overTls?.host,
              tls: overTls?.certificates.tls,
              followStartupLogs: true,
            },
            ...{ image: null, dockerfile, buildargs: { WORD: "of honour" }, target: "worker" },
            command: ["sh", "-c", 'echo "$WORKERNAME awakes"; exec "$@"', "sh", ...command],
          }),
        ],
        [builder("built", ["built"], "cat /said")],
      );
      const build = await ended(await force("built"));
      expect(build.results).toBe(SUCCESS);
      expect(await log(build)).toContain("oof honour\n");
      expect(await log(build, 0)).toMatch(/oStep 1\/\d+ : FROM tiny AS words\n.*obuilt awakes\n/s);
      await apply([], []);
      await allGone();
    },
  );

  test("one that never logs in is given up, with what it printed; the next is green", async () => {
    const silent = { command: ["sh", "-c", "echo all is well; sleep 1000"], missing_timeout: 2 };
    await apply(
      [docker("silent", { ...world.workers.slipway, ...silent })],
      [builder("b", ["silent"], "true")],
    );
    const request = await force("b");
    while ((await buildsOf(request))[0]?.results !== RETRY) await setTimeout(50);
    // That one rests now.
    await apply([docker("fresh", world.workers.slipway)], [builder("b", ["fresh"], "true")]);
    expect((await ended(request)).results).toBe(SUCCESS);
    const [first] = await buildsOf(request);
    // The only step that it came to.
    expect(await log(first as Build)).toContain("all is well");
    await allGone();
  });
}
