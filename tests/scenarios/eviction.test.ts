// Guarantee: a machine that is told to go by whoever owns it (a drained node, a spot machine, a host that
// shuts down) costs no build its result (K-034): within the grace the build ends on it and nothing new
// begins there; beyond it, or without one, the build is RETRY and runs elsewhere. It is never red by it,
// and the place in the pool is free at once.
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { openStorm, type Storm } from "../storm/storm";
import { hasBuildbotWorker, startBuildbotWorker } from "../support/buildbot-worker";
import { startSlipwayWorker } from "../support/slipway-worker";

const [SUCCESS, RETRY] = [0, 5];
const step = (command: string) => ({ type: "ShellCommand", command, logEnviron: false });
const CONFIG = {
  workers: [{ type: "Worker", name: "unused", password: "pass" }],
  pools: [{ name: "pods", worker: { type: "Worker" }, maxWorkers: 2 }],
  projects: {
    p: {
      builders: [
        { name: "short", pools: ["pods"], factory: [step("echo begun; sleep 5; echo end")] },
        // `exec`, as a compiler that make started: nobody stands between it and the signal.
        { name: "long", pools: ["pods"], factory: [step("exec sleep 600")] },
        // Its shell lives a moment longer, and says 143.
        { name: "shell", pools: ["pods"], factory: [step("sleep 600 && echo never")] },
      ],
    },
  },
};

interface Pod {
  readonly name: string;
  readonly pid: number;
  readonly exited: Promise<number | null>;
  stop(): Promise<void>;
}
interface Build {
  readonly id: number;
  readonly state: string;
  readonly result: number | null;
  readonly says: string;
  readonly worker: string;
}

let storm: Storm;
let pods: Pod[] = [];
let requests: number[] = [];
beforeAll(async () => {
  storm = await openStorm({ workers: ["unused"] });
  await storm.slipway.apply(CONFIG);
});
/** Whatever became of it, a test leaves nothing to build, nobody at the door, and every place free. */
afterEach(async () => {
  const [gone, asked] = [pods, requests];
  pods = [];
  requests = [];
  for (const id of await openOf(asked)) await cancel(id);
  await Promise.all(gone.map((pod) => pod.stop()));
  await left(...gone.map(({ name }) => name));
  await freed();
});
afterAll(async () => {
  await Promise.all(pods.map((pod) => pod.stop()));
  await storm?.stop();
});

async function join(): Promise<Record<string, string>> {
  const answer = await fetch(`${storm.slipway.url}/main/api/v2/pools/pods/join`, {
    ...{ method: "POST", body: "{}" },
    headers: { authorization: `Bearer ${storm.slipway.token}` },
  });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Record<string, string>;
}

type Kind = "buildbot-worker" | "slipway-worker";
/** What a pod does when it starts. */
async function start(kind: Kind): Promise<Pod> {
  const told = await join();
  const { WORKERNAME: name = "", WORKERPASS: password = "" } = told;
  const port = Number(told.BUILDMASTER_PORT);
  const worker =
    kind === "buildbot-worker"
      ? await startBuildbotWorker({
          ...{ host: "127.0.0.1", port, name, password, args: ["--allow-shutdown=signal"] },
        })
      : await startSlipwayWorker({ port, name, password, args: ["--allow-shutdown=signal"] });
  const pod = { name, pid: worker.pid, exited: worker.exited, stop: () => worker.stop() };
  pods.push(pod);
  await storm.connected(name);
  return pod;
}

/** The process and all that it started, at one moment. */
function treeOf(pid: number): number[] {
  const parents = readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      return [{ pid: Number(entry), parent }];
    } catch {
      return [];
    }
  });
  const found = [pid];
  for (const one of found) {
    found.push(...parents.filter(({ parent }) => parent === one).map((each) => each.pid));
  }
  return found;
}
/** As a service manager that shuts a host down: all at once, what the worker started first. */
const signalAll = (pod: Pod, signal: NodeJS.Signals) => {
  for (const pid of treeOf(pod.pid).reverse()) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      // A shell ends by itself when its child has.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
};

const buildOf = async (request: number, isSo: (build: Build) => boolean) =>
  (
    await storm.until<Build>(
      `a build of request ${request}`,
      `select b.id, b.state, b.result, b.state_string as says, w.name as worker
       from build b join worker w on w.id = b.worker_id where b.build_request_id = $1 order by b.id desc`,
      [request],
      ([first]) => first !== undefined && isSo(first),
    )
  )[0] as Build;
const isOver = ({ state }: Build) => state === "finished";
/** Its command runs: the worker has something to lose. */
const isRunning = ({ state }: Build) => state === "running";
async function hasBegun(request: number): Promise<Build> {
  const build = await buildOf(request, isRunning);
  await storm.until(
    `a command of build ${build.id}`,
    "select from step s where s.build_id = $1 and s.state = 'running'",
    [build.id],
    (rows) => rows.length > 0,
  );
  const pod = pods.findLast(({ name }) => name === build.worker) as Pod;
  await storm.until("its process", "select 1 as one", [], () => treeOf(pod.pid).length > 1);
  return build;
}
let keys = 0;
async function request(builder: string): Promise<number> {
  const id = await storm.request(builder, `eviction-${++keys}`);
  requests.push(id);
  return id;
}
const openOf = async (ids: readonly number[]) =>
  (
    await storm.rows<{ id: string }>(
      "select id from build_request where id = any($1) and state not in ('done', 'cancelled')",
      [ids],
    )
  ).map(({ id }) => Number(id));
const asked = (name: string) =>
  storm.until(
    `${name} draining`,
    "select from worker where name = $1 and is_draining",
    [name],
    (rows) => rows.length === 1,
  );
const resultsOf = async (id: number) =>
  (
    await storm.rows<{ result: number; says: string }>(
      "select result, state_string as says from build where build_request_id = $1 and state = 'finished' order by id",
      [id],
    )
  ).map(({ result, says }) => ({ result, says }));
const cancel = async (id: number) => {
  await storm.slipway.call(`buildrequests/${id}`, "cancel", { reason: "seen" });
  await storm.complete([id]);
};
/** The processes are gone, and the server has noted it. */
const left = (...names: string[]) =>
  storm.until(
    `${names.join(", ")} gone`,
    "select name from worker where name = any($1) and session_id is not null",
    [names],
    (rows) => rows.length === 0,
  );

const kinds: Kind[] = hasBuildbotWorker()
  ? ["buildbot-worker", "slipway-worker"]
  : ["slipway-worker"];
describe.each(kinds)("%s", (kind) => {
  test("within the grace the build ends on it; the next one has another machine, which has a place", async () => {
    const first = await start(kind);
    const short = await request("short");
    await hasBegun(short);
    process.kill(first.pid, "SIGHUP");
    await asked(first.name);
    const next = await request("long");
    // A Deployment makes the next pod while this one goes.
    const second = await start(kind);
    expect((await buildOf(next, isRunning)).worker).toBe(second.name);
    expect(await buildOf(short, isOver)).toMatchObject({ result: SUCCESS, worker: first.name });
    expect(await first.exited).toBe(0);
    // Its place is free, and not only after the two minutes of one that was lost.
    await left(first.name);
    const third = await start(kind);
    expect(third.name).toBe(first.name);
    await cancel(next);
  });

  test("beyond the grace: RETRY, in words, and the request runs elsewhere", async () => {
    const first = await start(kind);
    const id = await request("long");
    await hasBegun(id);
    process.kill(first.pid, "SIGHUP");
    await asked(first.name);
    signalAll(first, "SIGTERM");
    const second = await start(kind);
    const again = await buildOf(id, (build) => isRunning(build) && build.worker === second.name);
    expect(again.worker).toBe(second.name);
    expect(await resultsOf(id)).toEqual([
      { result: RETRY, says: expect.stringContaining("was to go when its builds were over") },
    ]);
    await cancel(id);
  });

  test.each(["long", "shell"])(
    "without a word, whatever is signalled first: RETRY (%s)",
    async (builder) => {
      const first = await start(kind);
      const id = await request(builder);
      await hasBegun(id);
      signalAll(first, "SIGTERM");
      const second = await start(kind);
      await buildOf(id, (build) => isRunning(build) && build.worker === second.name);
      expect((await resultsOf(id)).map(({ result }) => result)).toEqual([RETRY]);
      await cancel(id);
    },
  );
});

/** Two minutes pass. */
const freed = () =>
  storm.rows(
    `with s as (update worker_session set ended_at = ended_at - interval '3 minutes' where ended_at is not null)
     update worker set joined_at = joined_at - interval '6 minutes' where joined_at is not null`,
  );
