// Guarantee: with two `socket` processes behind a load balancer, whatever is asked of a worker reaches the
// process that holds it; one that stops lets builds end and its worker goes to the other; a connection
// that a network swallowed does not keep its worker out, wherever it comes again.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { broken, openStorm, quiet, type Storm } from "../storm/storm";
import {
  type BuildbotWorker,
  hasBuildbotWorker,
  MSGPACK,
  startBuildbotWorker,
} from "../support/buildbot-worker";
import { type SlipwayWorker, startSlipwayWorker } from "../support/slipway-worker";
import { type SocketProgram, startSocketProcess } from "../support/socket-process";
import { startTcpBalancer, type TcpBalancer } from "../support/tcp-balancer";

const [SUCCESS, CANCELLED, RETRY] = [0, 6, 5];
const WORKERS = ["pb", "msgpack"] as const;

const step = (command: string) => ({ type: "ShellCommand", command, logEnviron: false });
const builders = (more: readonly object[] = []) => [
  ...["s1", "own", ...WORKERS].flatMap((name) => [
    { name: `quick-${name}`, workernames: [name], factory: [step("echo done")] },
    { name: `slow-${name}`, workernames: [name], factory: [step("echo begun; sleep 6; echo end")] },
    { name: `long-${name}`, workernames: [name], factory: [step("sleep 600")] },
  ]),
  ...more,
];
const configuration = (more: readonly object[] = []) => ({
  workers: ["s1", "own", ...WORKERS].map((name) => ({
    ...{ type: "Worker", name, password: "pass", keepalive_interval: 2 },
  })),
  projects: { two: { builders: builders(more) } },
});

describe.runIf(hasBuildbotWorker())("two socket processes", () => {
  let storm: Storm;
  let second: SocketProgram;
  let own: SlipwayWorker | null = null;
  const balancers = new Map<string, TcpBalancer>();
  const workers = new Map<string, BuildbotWorker>();

  beforeAll(async () => {
    storm = await openStorm({ workers: ["s1"], env: { SLIPWAY_SOCKET_DRAIN_SECONDS: "60" } });
    await storm.slipway.apply(configuration());
    second = await startSocketProcess(storm.slipway, { SLIPWAY_SOCKET_DRAIN_SECONDS: "60" });
    for (const name of WORKERS) {
      const balancer = await startTcpBalancer(portsOf(name));
      balancers.set(name, balancer);
      const args = ["--maxdelay=2", ...(name === "msgpack" ? [MSGPACK] : [])];
      const where = { host: "127.0.0.1", port: balancer.port };
      workers.set(name, await startBuildbotWorker({ ...where, name, password: "pass", args }));
    }
    const balancer = await startTcpBalancer(portsOf("own"));
    balancers.set("own", balancer);
    own = await startSlipwayWorker({ port: balancer.port, name: "own", password: "pass" });
    await storm.connected(...WORKERS, "own");
  });

  afterAll(async () => {
    for (const worker of workers.values()) await worker.stop();
    await own?.stop();
    for (const balancer of balancers.values()) balancer.close();
    second?.signal("SIGKILL");
    await storm?.stop();
  });

  /** The second process's door first, then the first's. */
  const portsOf = (name: string) => {
    const { slipway } = storm;
    return name === "msgpack"
      ? [second.msgpackPort, slipway.msgpackPort]
      : [second.pbPort, slipway.pbPort];
  };

  /** Waits until the worker is connected to the process of that number. */
  const isHeldBy = (name: string, pid: number | undefined) =>
    storm.until<{ pid: number }>(
      `${name} at process ${pid}`,
      `select p.pid from worker w join worker_session s on s.id = w.session_id and s.ended_at is null
       join process p on p.id = s.process_id where w.name = $1`,
      [name],
      ([row]) => row?.pid === pid,
    );

  const buildOf = async (request: number, isSo: (build: Build) => boolean) => {
    const rows = await storm.until<Build>(
      `a build of request ${request}`,
      `select b.number, b.state, b.result, b.state_string, r.name as builder
       from build b join builder r on r.id = b.builder_id where b.build_request_id = $1 order by b.id desc`,
      [request],
      ([build]) => build !== undefined && isSo(build),
    );
    return rows[0] as Build;
  };

  const countOf = async (request: number) =>
    (await storm.rows("select id from build where build_request_id = $1", [request])).length;

  const greenAt = async (name: string, pid: number | undefined, key: string) => {
    await isHeldBy(name, pid);
    const build = await buildOf(await storm.request(`quick-${name}`, key), isOver);
    expect(build.result).toBe(SUCCESS);
  };

  test.each(WORKERS)("what is asked of the %s worker reaches its process", async (name) => {
    const { slipway } = storm;
    await greenAt(name, second.pid, `first-${name}`);

    const long = await storm.request(`long-${name}`, `stop-${name}`);
    const running = await buildOf(long, isRunning);
    await slipway.call(`builders/${running.builder}/builds/${running.number}`, "stop", {
      reason: "enough",
    });
    expect((await buildOf(long, isOver)).result).toBe(CANCELLED);

    await slipway.call(`workers/${name}`, "pause", { reason: "looking" });
    const waiting = await storm.request(`quick-${name}`, `paused-${name}`);
    await slipway.call(`workers/${name}`, "unpause");
    expect((await buildOf(waiting, isOver)).result).toBe(SUCCESS);

    const added = { name: `added-${name}`, workernames: [name], factory: [step("echo new")] };
    await slipway.apply(configuration([added]));
    const fresh = await storm.request(`added-${name}`, `added-${name}`);
    expect((await buildOf(fresh, isOver)).result).toBe(SUCCESS);

    // Told to exit, it does; whoever runs it starts it again.
    const worker = workers.get(name) as BuildbotWorker;
    const lost = await storm.request(`slow-${name}`, `kill-${name}`);
    await buildOf(lost, isRunning);
    await slipway.call(`workers/${name}`, "kill", { reason: "now" });
    await worker.exited;
    expect((await buildOf(lost, isOver)).result).toBe(RETRY);
    const { dir } = worker;
    const where = { host: "127.0.0.1", port: balancers.get(name)?.port ?? 0, dir };
    workers.set(name, await startBuildbotWorker({ ...where, name, password: "pass" }));
    expect((await buildOf(lost, isGreen)).result).toBe(SUCCESS);

    await slipway.call(`workers/${name}`, "stop", { reason: "gently" });
    await workers.get(name)?.exited;
    workers.set(name, await startBuildbotWorker({ ...where, name, password: "pass" }));
    await greenAt(name, second.pid, `last-${name}`);
  });

  test("a second worker of one name is turned away, until the first is frozen", async () => {
    const first = storm.workers.get("s1") as BuildbotWorker;
    const sessionOf = () =>
      storm.rows<{ id: string; peer: string }>(
        `select s.id, s.peer from worker w join worker_session s on s.id = w.session_id
         where w.name = 's1' and s.ended_at is null`,
      );
    const before = await sessionOf();
    const build = await storm.request("slow-s1", "undisturbed");
    await buildOf(build, isRunning);
    const where = { host: "127.0.0.1", port: storm.slipway.pbPort, name: "s1", password: "pass" };
    const second = await startBuildbotWorker({ ...where, args: ["--maxdelay=2"] });
    try {
      await storm.until(
        "the second is turned away",
        `select e.detail from door_event e join worker w on w.id = e.worker_id
         where w.name = 's1' and e.reason = 'not-admitted' and e.detail like 'worker s1 already connected from %'`,
        [],
        (refusals) => refusals.length > 0,
      );
      expect((await buildOf(build, isOver)).result).toBe(SUCCESS);
      expect(await sessionOf()).toEqual(before);
      first.signal("SIGSTOP");
      await storm.until<{ id: string }>(
        "the second has its place",
        `select s.id from worker w join worker_session s on s.id = w.session_id
         where w.name = 's1' and s.ended_at is null and s.id <> $1`,
        [before[0]?.id],
        (sessions) => sessions.length === 1,
      );
    } finally {
      first.signal("SIGCONT");
      await second.stop();
    }
    await storm.connected("s1");
  });

  test("a swallowed connection does not keep its worker out of the other process", async () => {
    const first = storm.slipway.pids().socket;
    const builds = new Map<string, number>();
    for (const name of ["pb", "own"]) {
      await isHeldBy(name, second.pid);
      const request = await storm.request(`slow-${name}`, `swallowed-${name}`);
      await buildOf(request, isRunning);
      builds.set(name, request);
    }
    for (const name of builds.keys()) {
      const balancer = balancers.get(name) as TcpBalancer;
      balancer.targets = [storm.slipway.pbPort];
      balancer.swallow();
    }
    for (const [name, request] of builds) {
      await isHeldBy(name, first);
      expect((await buildOf(request, isGreen)).result).toBe(SUCCESS);
      // A Python worker ends what it runs when it is cut off; ours keeps it.
      expect(await countOf(request)).toBe(name === "own" ? 1 : 2);
    }
    const balancer = balancers.get("own") as TcpBalancer;
    balancer.targets = portsOf("own");
    balancer.swallow();
    await isHeldBy("own", second.pid);
  });

  test("a process that stops lets builds end, and its workers go to the other", async () => {
    const first = storm.slipway.pids().socket;
    const requests = new Map<string, number>();
    for (const name of ["msgpack", "own"]) {
      await isHeldBy(name, second.pid);
      const request = await storm.request(`slow-${name}`, `hand-over-${name}`);
      await buildOf(request, isRunning);
      requests.set(name, request);
    }
    second.signal("SIGTERM");
    // Ours goes at once, with its build; the other waits for the end of its own.
    await isHeldBy("own", first);
    for (const [name, request] of requests) {
      expect((await buildOf(request, isOver)).result).toBe(SUCCESS);
      expect(await countOf(request)).toBe(1);
      await greenAt(name, first, `after-${name}`);
    }
    expect(await second.exited).toBe(0);
  });

  test("an installation that is stopped as a whole lets builds end first", async () => {
    await storm.connected("s1");
    const request = await storm.request("slow-s1", "stopped-as-a-whole");
    await buildOf(request, isRunning);
    storm.slipway.kill("supervisor", "SIGTERM");
    expect(await storm.slipway.exited()).toBe(0);
    await storm.slipway.startAgain();
    expect((await buildOf(request, isOver)).result).toBe(SUCCESS);
    expect(await countOf(request)).toBe(1);
  });

  test("nothing is left behind", async () => {
    await storm.slipway.healthy();
    await quiet(storm);
    const found = await broken(storm);
    // Two builds were stopped by hand.
    expect(found.filter((what) => !/CANCELLED|SUCCESS/.test(what))).toEqual([]);
  });
});

interface Build {
  readonly number: number;
  readonly state: string;
  readonly result: number | null;
  readonly state_string: string;
  readonly builder: string;
}

const isRunning = ({ state }: Build) => state === "running";
const isOver = ({ state }: Build) => state === "finished";
const isGreen = (build: Build) => isOver(build) && build.result === SUCCESS;
