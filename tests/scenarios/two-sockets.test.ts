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
import { type SocketProgram, startSocketProcess } from "../support/socket-process";
import { startTcpBalancer, type TcpBalancer } from "../support/tcp-balancer";

const [SUCCESS, CANCELLED, RETRY] = [0, 6, 5];
const WORKERS = ["pb", "msgpack"] as const;

const step = (command: string) => ({ type: "ShellCommand", command, logEnviron: false });
const builders = (more: readonly object[] = []) => [
  ...["s1", ...WORKERS].flatMap((name) => [
    { name: `quick-${name}`, workernames: [name], factory: [step("echo done")] },
    { name: `slow-${name}`, workernames: [name], factory: [step("echo begun; sleep 6; echo end")] },
    { name: `long-${name}`, workernames: [name], factory: [step("sleep 600")] },
  ]),
  ...more,
];
const configuration = (more: readonly object[] = []) => ({
  workers: ["s1", ...WORKERS].map((name) => ({
    ...{ type: "Worker", name, password: "pass", keepalive_interval: 2 },
  })),
  projects: { two: { builders: builders(more) } },
});

describe.runIf(hasBuildbotWorker())("two socket processes", () => {
  let storm: Storm;
  let second: SocketProgram;
  const balancers = new Map<string, TcpBalancer>();
  const workers = new Map<string, BuildbotWorker>();

  beforeAll(async () => {
    storm = await openStorm({ workers: ["s1"] });
    await storm.slipway.apply(configuration());
    second = await startSocketProcess(storm.slipway, { SLIPWAY_SOCKET_DRAIN_SECONDS: "60" });
    for (const name of WORKERS) {
      const balancer = await startTcpBalancer(portsOf(name));
      balancers.set(name, balancer);
      const args = ["--maxdelay=2", ...(name === "msgpack" ? [MSGPACK] : [])];
      const where = { host: "127.0.0.1", port: balancer.port };
      workers.set(name, await startBuildbotWorker({ ...where, name, password: "pass", args }));
    }
    await storm.connected(...WORKERS);
  });

  afterAll(async () => {
    for (const worker of workers.values()) await worker.stop();
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
         where w.name = 's1' and e.reason = 'not-admitted' and e.detail like 'it is connected already%'`,
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
    const old = balancers.get("pb") as TcpBalancer;
    await isHeldBy("pb", second.pid);
    const build = await storm.request("slow-pb", "swallowed");
    await buildOf(build, isRunning);
    // The worker hears nothing more and is started again, as an impatient person does; its old
    // connection looks open from here.
    old.isBlackHole = true;
    const worker = workers.get("pb") as BuildbotWorker;
    await worker.kill();
    const fresh = await startTcpBalancer([storm.slipway.pbPort]);
    balancers.set("pb", fresh);
    const where = { host: "127.0.0.1", port: fresh.port, name: "pb", password: "pass" };
    workers.set("pb", await startBuildbotWorker({ ...where, args: ["--maxdelay=2"] }));
    await isHeldBy("pb", first);
    expect((await buildOf(build, isGreen)).result).toBe(SUCCESS);
    old.close();
  });

  test("a process that stops lets builds end, and its workers go to the other", async () => {
    const first = storm.slipway.pids().socket;
    await isHeldBy("msgpack", second.pid);
    const request = await storm.request("slow-msgpack", "hand-over");
    await buildOf(request, isRunning);
    second.signal("SIGTERM");
    expect((await buildOf(request, isOver)).result).toBe(SUCCESS);
    expect(await second.exited).toBe(0);
    await greenAt("msgpack", first, "after-msgpack");
    const builds = await storm.rows("select id from build where build_request_id = $1", [request]);
    expect(builds).toHaveLength(1);
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
