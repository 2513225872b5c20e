/**
 * Guarantee: a build on our own worker outlives whatever happens to the server and to the line: killed,
 * stopped in order, cut off. It ends green in one piece, with every line once and in order.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import {
  elapsedOf,
  type Keeping,
  LOCAL,
  numbered,
  openKeeping,
  PROTOCOLS,
  type ProtocolName,
  wrongWith,
} from "../storm/kept-builds";

const SUCCESS = 0;
const RETRY = 5;
const CANCELLED = 6;
const LINES = 20_000;
const shell = (command: string, more: object = {}) => ({
  type: "ShellCommand",
  command,
  logEnviron: false,
  ...more,
});

const builders = (worker: ProtocolName | typeof LOCAL) => [
  {
    name: `long-${worker}`,
    workernames: [worker],
    factory: [shell(numbered(LINES, 12)), shell("echo after")],
  },
  {
    name: `stoppable-${worker}`,
    workernames: [worker],
    factory: [
      shell("echo begun; sleep 600", { name: "endless" }),
      shell("echo never", { name: "never" }),
      shell("echo cleaned up", { name: "clean-up", alwaysRun: true }),
    ],
  },
  {
    name: `manifold-${worker}`,
    workernames: [worker],
    factory: [
      { type: "SetPropertyFromCommand", command: "echo first; sleep 3", property: "first" },
      shell(
        "for n in $(seq 500); do echo $n; echo e$n >&2; echo l$n >> own.log; sleep 0.01; done",
        {
          logfiles: { own: { filename: "own.log", follow: true } },
        },
      ),
      // What it prints it prints while nobody listens, and it ends before somebody does.
      shell("sleep 2; seq 1 1000"),
      shell("echo %(prop:first)s"),
    ],
  },
];

describe("builds that outlive the server", () => {
  let keeping: Keeping;
  beforeAll(async () => {
    keeping = await openKeeping(builders);
  });
  afterAll(() => keeping?.stop());
  const tellMore = () =>
    onTestFailed(() => console.log(keeping.slipway.output.slice(-80).join("\n")));
  const finished = (requestId: number) =>
    keeping.until(requestId, ({ state }) => state === "finished");

  /** Runs the long build over both protocols, does something to them, and looks at the ends. */
  async function long(
    disturb: () => Promise<unknown>,
    workers: readonly string[] = PROTOCOLS,
  ): Promise<void> {
    tellMore();
    const requests = await Promise.all(workers.map((name) => keeping.force(`long-${name}`)));
    for (const request of requests) {
      const build = await keeping.until(request, ({ state }) => state === "running");
      await keeping.stored(build.id, 500);
    }
    await disturb();
    for (const request of requests) {
      const build = await finished(request);
      const lines = await keeping.lines(build.id, 0);
      expect(wrongWith(lines, LINES)).toBeNull();
      expect(lines.filter((line) => line.startsWith("elapsedTime="))).toHaveLength(1);
      expect(build).toMatchObject({ result: SUCCESS, state_string: "build successful" });
      expect(await keeping.builds(request)).toEqual([build]);
      console.log(`the command itself took ${elapsedOf(lines)} s`);
    }
  }

  test("socket killed three times", () =>
    long(async () => {
      for (let kill = 0; kill < 3; kill += 1) {
        expect(keeping.slipway.kill("socket")).not.toBeNull();
        await sleep(2_500);
      }
    }, [...PROTOCOLS, LOCAL]));

  test("socket stopped in order", () =>
    long(async () => {
      expect(keeping.slipway.kill("socket", "SIGTERM")).not.toBeNull();
    }));

  test("the lines cut three times", () =>
    long(async () => {
      for (let cut = 0; cut < 3; cut += 1) {
        for (const name of PROTOCOLS) keeping.cut[name]();
        await sleep(1_500);
      }
    }));

  test("the whole installation stopped in order, and started again later", () =>
    long(async () => {
      keeping.slipway.kill("supervisor", "SIGTERM");
      await keeping.slipway.exited();
      await sleep(3_000);
      await keeping.slipway.startAgain();
    }));

  test("several steps and logs, one of them ended unheard, socket killed all the while", async () => {
    tellMore();
    const requests = await Promise.all(PROTOCOLS.map((name) => keeping.force(`manifold-${name}`)));
    for (const request of requests)
      await keeping.until(request, ({ state }) => state === "running");
    const over = Promise.all(requests.map(finished));
    let isOver = false;
    void over.finally(() => {
      isOver = true;
    });
    for (let kill = 0; kill < 4 && !isOver; kill += 1) {
      keeping.slipway.kill("socket");
      await sleep(2_700);
    }
    for (const build of await over) {
      expect(build).toMatchObject({ result: SUCCESS });
      const numbers = (prefix: string, to: number) =>
        Array.from({ length: to }, (_, index) => `${prefix}${index + 1}`);
      const lines = await keeping.lines(build.id, 1);
      expect(lines.filter((line) => /^\d+$/.test(line))).toEqual(numbers("", 500));
      expect(lines.filter((line) => /^e\d+$/.test(line))).toEqual(numbers("e", 500));
      expect(await keeping.lines(build.id, 1, "own")).toEqual(numbers("l", 500));
      expect(wrongWith(await keeping.lines(build.id, 2), 1_000)).toBeNull();
      const last = await keeping.lines(build.id, 3);
      expect(last.filter((line) => line === "first")).toHaveLength(1);
    }
  });

  test("stopped while it waits: interrupted when its worker is back", async () => {
    tellMore();
    for (const name of PROTOCOLS) {
      const request = await keeping.force(`stoppable-${name}`);
      const { id } = await keeping.until(request, ({ state }) => state === "running");
      await keeping.stored(id, 1);
      keeping.hold[name](true);
      const waiting = await keeping.until(request, ({ state_string }) =>
        state_string.startsWith("waiting for worker"),
      );
      expect(waiting.state_string).toMatch(
        /^waiting for worker \w+ to come back \(until .* UTC\)$/,
      );
      await keeping.slipway.call(`builds/${id}`, "stop", { reason: "wrong branch" });
      keeping.hold[name](false);
      const build = await finished(request);
      expect(build).toMatchObject({ id, result: CANCELLED });
      expect(build.state_string).toContain("wrong branch");
      expect(await keeping.lines(id, 0)).toContain("stopped: wrong branch");
      expect(await keeping.lines(id, 2)).toContain("cleaned up");
    }
  });

  test("its worker was started anew: RETRY at once, and green on the next", async () => {
    tellMore();
    for (const name of PROTOCOLS) {
      const request = await keeping.force(`long-${name}`);
      const { id } = await keeping.until(request, ({ state }) => state === "running");
      await keeping.stored(id, 500);
      await keeping.killWorker(name);
      await keeping.until(
        request,
        (build) => build.id === id && build.state_string.startsWith("w"),
      );
      await keeping.startWorker(name);
      const second = await keeping.until(request, (build) => build.id !== id);
      const [first] = await keeping.builds(request);
      expect(first).toMatchObject({ id, result: RETRY });
      expect(first?.state_string).toContain("started anew");
      await keeping.slipway.call(`builds/${second.id}`, "stop", { reason: "enough" });
      await finished(request);
    }
  });

  test("a worker that a person stops keeps nothing waiting", async () => {
    tellMore();
    const request = await keeping.force("stoppable-pb");
    const { id } = await keeping.until(request, ({ state }) => state === "running");
    await keeping.stored(id, 1);
    await keeping.workers.pb.stop();
    const [first] = await keeping.builds(request);
    await keeping.until(request, (build) => build.state === "finished");
    expect(first?.id).toBe(id);
    const [build] = await keeping.builds(request);
    expect(build).toMatchObject({ result: RETRY });
    expect(build?.state_string).not.toContain("did not come back");
  });
});
