/**
 * Guarantee: what goes wrong around a build costs time and nothing else. A process is killed, a
 * worker dies, somebody stops a build, strangers hammer at the door, PostgreSQL is restarted: every
 * request ends exactly once and nothing is left half-done. `npm run test:long` does more of it.
 */
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { besiege, msgpackWords, pbWords } from "../storm/hostile-peers";
import { killRounds, seedOf } from "../storm/kill-rounds";
import { postgresRestarts } from "../storm/postgres-restart";
import { broken, openStorm, quiet, type Storm } from "../storm/storm";
import { hasBuildbotWorker, startBuildbotWorker } from "../support/buildbot-worker";
import { seededRandom } from "../support/seeded-random";

const CANCELLED = 6;
const RETRY = 5;
const seed = seedOf(process.env.STORM_SEED);
const shell = (command: string, more: object = {}) => ({
  type: "ShellCommand",
  command,
  logEnviron: false,
  ...more,
});
const WORKERS = ["s1", "s2"];
const BUILDERS = [
  { name: "slow", workernames: WORKERS, factory: [shell("echo begin; sleep 3; echo end")] },
  {
    name: "stoppable",
    workernames: WORKERS,
    factory: [
      shell("echo begin; sleep 600", { name: "long" }),
      shell("echo never", { name: "never" }),
      shell("echo cleaned up", { name: "clean-up", alwaysRun: true }),
    ],
  },
];

interface BuildRow {
  readonly id: string;
  readonly result: number | null;
  readonly state: string;
  readonly state_string: string;
  readonly worker: string;
}

describe.runIf(hasBuildbotWorker())("a storm", () => {
  let storm: Storm;

  beforeAll(async () => {
    console.log(`seed ${seed}`);
    storm = await openStorm({ workers: WORKERS, builders: BUILDERS });
  });
  afterAll(() => storm?.stop());

  const tellMore = () =>
    onTestFailed(() => console.log(storm.slipway.output.slice(-60).join("\n")));
  const buildsOf = (requestId: number, isSo: (rows: BuildRow[]) => boolean) =>
    storm.until<BuildRow>(
      `builds of request ${requestId}`,
      `select b.id, b.result, b.state, b.state_string, w.name as worker
       from build b join worker w on w.id = b.worker_id where b.build_request_id = $1 order by b.id`,
      [requestId],
      isSo,
    );

  test("two rounds of builds, in each a process is killed", async () => {
    tellMore();
    const random = seededRandom(seed);
    const size = { rounds: 2, builds: 50, withinMs: 2_500 };
    const victims = ["web", "socket", "jobs"] as const;
    const ids = await killRounds(storm, { ...size, victims, random, say: console.log });
    expect(new Set(ids).size).toBe(100);
    await quiet(storm);
    expect(await broken(storm)).toEqual([]);
  });

  test("strangers at the door disturb no build", async () => {
    tellMore();
    const sessions = () =>
      storm.rows<{ id: string }>(
        "select id from worker_session where ended_at is null order by id",
      );
    const before = await sessions();
    const pid = storm.slipway.pids().socket;
    const over = new AbortController();
    const { pbPort, msgpackPort } = storm.slipway;
    const sieges = [
      besiege(pbPort, pbWords, seededRandom(seed), over.signal),
      besiege(msgpackPort, msgpackWords, seededRandom(seed), over.signal),
    ];
    const ids = await storm.requestMany(20, "siege");
    await storm.complete(ids);
    over.abort();
    for (const made of await Promise.all(sieges)) expect(made).toBeGreaterThan(0);
    const builds = await storm.rows<{ result: number }>(
      "select result from build where build_request_id = any($1)",
      [ids],
    );
    expect(builds.map(({ result }) => result)).toEqual(ids.map(() => 0));
    expect(await sessions()).toEqual(before);
    expect(storm.slipway.pids().socket).toBe(pid);
  });

  test("a worker that dies in mid-build: RETRY, then green on another", async () => {
    tellMore();
    const requestId = await storm.request("slow", "dying-worker");
    const [first] = await buildsOf(requestId, ([build]) => build?.state === "running");
    const name = first?.worker as string;
    const other = WORKERS.find((worker) => worker !== name);
    await storm.workers.get(name)?.kill();
    const builds = await buildsOf(requestId, (all) => all.at(-1)?.result === 0);
    expect(builds.map(({ result, worker }) => [result, worker])).toEqual([
      [RETRY, name],
      [0, other],
    ]);
    const again = await startBuildbotWorker({
      host: "127.0.0.1",
      port: storm.slipway.pbPort,
      name,
      password: "pass",
    });
    await storm.connected(...WORKERS);
    await quiet(storm);
    expect(await broken(storm)).toEqual([]);
    await again.stop();
  });

  test("a build stopped in mid-step: CANCELLED, and what always runs has run", async () => {
    tellMore();
    const requestId = await storm.request("stoppable", "stopped");
    const [running] = await buildsOf(requestId, ([build]) => build?.state === "running");
    await storm.slipway.call(`builds/${running?.id}`, "stop", { reason: "wrong branch" });
    const [build] = await buildsOf(requestId, ([one]) => one?.state === "finished");
    expect(build?.result).toBe(CANCELLED);
    expect(build?.state_string).toContain("wrong branch");
    const steps = await storm.rows(
      "select name, state, result from step where build_id = $1 order by number",
      [build?.id],
    );
    expect(steps).toEqual([
      { name: "long", state: "finished", result: CANCELLED },
      { name: "never", state: "skipped", result: 3 },
      { name: "clean-up", state: "finished", result: 0 },
    ]);
    const [request] = await storm.rows("select state, result from build_request where id = $1", [
      requestId,
    ]);
    expect(request).toEqual({ state: "done", result: CANCELLED });
  });
});

test.runIf(hasBuildbotWorker())("PostgreSQL restarted under load", async () => {
  const size = { restarts: 1, builds: 30, random: seededRandom(seed), say: console.log };
  await postgresRestarts(size, async (storm, ids) => {
    expect(new Set(ids).size).toBe(30);
    await quiet(storm);
    expect(await broken(storm)).toEqual([]);
  });
});
