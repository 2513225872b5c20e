/**
 * A worker whose builds break rests, twice as long each time, and is used again when its time is over
 * whatever becomes of queues and processes (W-090 to W-097, A12 to A14).
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  CANCELLED,
  EXCEPTION,
  FAILURE,
  RETRY,
  type Result,
  SUCCESS,
} from "../../../../../server/domain/builds";
import type { BuilderId, WorkerId } from "../../../../../server/domain/ids";
import { fireDeadlines, quarantineWorker } from "../../../../../server/fleet";
import { completed, type NullWorker, untilStopped } from "../../../../../server/protocols/null";
import {
  CALLER,
  createRig,
  isFinished,
  isRunning,
  type Rig,
  type SocketProcess,
  until,
} from "../../../../support/engine-rig";

const STEP = { type: "ShellCommand", name: "run", command: ["run"] };
const BROKEN = () => ({ kind: "failed", message: "no shell" }) as const;

let rig: Rig;
let socket: SocketProcess;
let worker: WorkerId;
let builder: BuilderId;
let connected: NullWorker;
beforeEach(async () => {
  rig = await createRig();
  socket = await rig.socket();
  worker = await rig.addWorker("w1");
  builder = await rig.addBuilder("b", [worker], [STEP]);
  connected = await socket.connect("w1");
});
afterEach(() => rig.close());

interface State {
  readonly seconds: number;
  readonly count: number;
  readonly isResting: boolean;
  readonly reason: string | null;
  readonly until: Date | null;
}

async function state(): Promise<State> {
  const [row] = await rig.db.rows<State>(
    `select quarantine_seconds as seconds, quarantine_count as count, quarantine_reason as reason,
       coalesce(quarantined_until > now(), false) as "isResting", quarantined_until as until from worker`,
  );
  return row as State;
}

/** One build to its end. */
async function build(result: Result) {
  connected.behaviour = result === EXCEPTION ? BROKEN : () => completed(result === SUCCESS ? 0 : 1);
  const request = await rig.force(builder);
  const ended = await rig.build(request, isFinished);
  expect(ended.result).toBe(result);
  return ended;
}

/** The time of the quarantine passes; who notices is the test's business. */
const timePasses = () =>
  rig.db.rows(
    `with w as (update worker set quarantined_until = now() - interval '1 s' where quarantined_until is not null)
     update deadline set fire_at = now() - interval '1 s' where kind = 'worker-quarantine'`,
  );

const history = async (...kinds: string[]) =>
  (
    await rig.db.rows<{ kind: string; reason: string; actor: string }>(
      "select kind, reason, actor from worker_event where kind = any($1) order by id",
      [kinds],
    )
  ).map(({ kind, reason, actor }) => `${kind} by ${actor}: ${reason}`);

test("exceptions give 10, 20, 40 s; a failure clears, so that the next gives 10 (A12)", async () => {
  const lengths: number[] = [];
  for (let n = 1; n <= 3; n += 1) {
    const { number } = await build(EXCEPTION);
    const resting = await state();
    expect(resting).toMatchObject({ isResting: true, count: n });
    expect(resting.reason).toContain(`build #${number} of b: `);
    lengths.push(resting.seconds);
    // What is waited is what is said, by the database's clock.
    const [row] = await rig.db.rows<{ wait: number }>(
      `select round(extract(epoch from w.quarantined_until - b.complete_at))::int as wait
       from worker w join build b on b.worker_id = w.id order by b.id desc limit 1`,
    );
    expect(row?.wait).toBe(resting.seconds);
    expect(
      await rig.db.rows("select fire_at from deadline where kind = 'worker-quarantine'"),
    ).toEqual([{ fire_at: resting.until }]);
    await timePasses();
    await rig.deadlines();
  }
  expect(lengths).toEqual([10, 20, 40]);
  await build(FAILURE);
  expect(await state()).toMatchObject({ isResting: false, count: 0 });
  await build(EXCEPTION);
  expect(await state()).toMatchObject({ isResting: true, seconds: 10, count: 1 });
  expect(await history("quarantined", "released")).toHaveLength(7);
  // Each has an alarm of its own.
  expect(rig.alarms.size).toBe(4);
});

test("the longest is an hour", async () => {
  await rig.db.rows("update worker set quarantine_count = 8");
  await build(EXCEPTION);
  expect(await state()).toMatchObject({ seconds: 2560 });
  await timePasses();
  await build(EXCEPTION);
  expect(await state()).toMatchObject({ seconds: 3600 });
  await timePasses();
  await rig.db.rows("update worker set quarantine_count = 2000000000");
  await build(EXCEPTION);
  expect(await state()).toMatchObject({ seconds: 3600 });
});

test("nothing is built while it lasts; the alarm wakes the distributor, and says so once", async () => {
  await build(EXCEPTION);
  connected.behaviour = () => completed(0);
  const request = await rig.force(builder);
  await rig.deadlines();
  await rig.distribute();
  expect(await rig.request(request)).toMatchObject({ state: "pending" });
  await timePasses();
  // Nobody has noticed yet, and yet whoever looks may use it: no job decides that.
  await Promise.all([rig.deadlines(), rig.deadlines(), rig.deadlines()]);
  expect((await rig.build(request, isFinished)).result).toBe(SUCCESS);
  expect(await history("released")).toEqual(["released by jobs 1: its time was over"]);
  expect(await rig.db.rows("select from outbox where topic like '%/released'")).toHaveLength(1);
  expect(await rig.db.rows("select from deadline")).toHaveLength(0);
});

test("its end counts by the clock alone, though no job and no sweep ever came", async () => {
  await build(EXCEPTION);
  await timePasses();
  connected.behaviour = () => completed(0);
  expect((await rig.build(await rig.force(builder), isFinished)).result).toBe(SUCCESS);
});

test("faults in parallel, and while one lasts, neither extend nor double it (W-092)", async () => {
  const others = await Promise.all(
    ["b2", "b3", "b4"].map((name) => rig.addBuilder(name, [worker], [STEP])),
  );
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  connected.behaviour = async () => {
    await released;
    return BROKEN();
  };
  const requests = await Promise.all(others.map((id) => rig.force(id)));
  await until(() => connected.commands.length === 3);
  release();
  for (const request of requests) {
    expect((await rig.build(request, isFinished)).result).toBe(EXCEPTION);
  }
  expect(await state()).toMatchObject({ seconds: 10, count: 1 });
  expect(await history("quarantined")).toHaveLength(1);
});

test("a build that succeeds beside a fault clears the count and not the rest (W-093)", async () => {
  const other = await rig.addBuilder("b2", [worker], [STEP]);
  connected.behaviour = untilStopped;
  const long = await rig.force(other);
  const running = await rig.build(long, isRunning);
  await until(() => connected.commands.length === 1);
  await build(EXCEPTION);
  await rig.commands.stopBuild(CALLER, running.id, { reason: "" });
  expect((await rig.build(long, isFinished)).result).toBe(CANCELLED);
  expect(await state()).toMatchObject({ isResting: true, seconds: 10, count: 0 });
});

test("unpause leaves it at once, and the next fault gives the doubled value (A13)", async () => {
  await build(EXCEPTION);
  const request = await rig.force(builder);
  await rig.fleet.control(CALLER, [worker], "pause", "look at it");
  expect(await state()).toMatchObject({ isResting: true });
  connected.behaviour = BROKEN;
  await rig.fleet.control(CALLER, [worker], "unpause", "fixed");
  expect((await rig.build(request, isFinished)).result).toBe(EXCEPTION);
  await until(async () => (await state()).seconds === 20);
  expect(await history("paused", "unpaused", "released", "quarantined")).toEqual([
    expect.stringMatching(/^quarantined by socket \d+: 10 s, fault 1 in a row: build #1 of b: /),
    "paused by ada@example.org: look at it",
    "unpaused by ada@example.org: fixed",
    "released by ada@example.org: unpaused: fixed",
    expect.stringMatching(/^quarantined by socket \d+: 20 s, fault 2 in a row: build #2 of b: /),
  ]);
});

test("an alarm of a quarantine that was left early changes nothing", async () => {
  await build(EXCEPTION);
  await rig.fleet.control(CALLER, [worker], "unpause", "");
  await build(EXCEPTION);
  const before = await state();
  await rig.deadlines();
  expect(await state()).toEqual(before);
});

test("a restart of every process keeps the instant at which it ends (A14)", async () => {
  await build(EXCEPTION);
  const before = await state();
  await rig.fleet.control(CALLER, [worker], "pause", "kept");
  await socket.die();
  await rig.sweep();
  const heir = await rig.socket();
  await heir.connect("w1");
  expect(await state()).toEqual(before);
  expect(await rig.db.rows("select paused_by, pause_reason from worker")).toEqual([
    { paused_by: "ada@example.org", pause_reason: "kept" },
  ]);
  // Whoever sweeps first after its end says so; another `jobs` process will do.
  await timePasses();
  await fireDeadlines({
    db: rig.db,
    actor: "jobs 2",
    host: "ci.example.org",
    wake: () => {},
    tellOf: () => {},
    tellNotice: () => {},
    announce: () => {},
  });
  expect(await history("released")).toEqual(["released by jobs 2: its time was over"]);
});

test("a worker that does not answer before a build rests; its request runs elsewhere", async () => {
  connected.lastHeardAt = 0;
  connected.answersPings = false;
  const second = await rig.addWorker("w2");
  const both = await rig.addBuilder("both", [worker, second], [STEP]);
  const request = await rig.force(both);
  await rig.build(request, isFinished);
  await socket.connect("w2");
  const all = await until(async () => {
    const builds = await rig.builds(request);
    return builds.length === 2 && builds.every(isFinished) && builds;
  });
  expect(all).toMatchObject([
    { result: RETRY, worker_id: worker },
    { result: SUCCESS, worker_id: second },
  ]);
  expect(await history("quarantined")).toEqual([
    expect.stringContaining("the worker did not answer before the build"),
  ]);
});

test("steps that cannot be made rest the worker, unless somebody had stopped the build", async () => {
  const odd = await rig.addBuilder("odd", [worker], [{ type: "Telepathy" }]);
  socket.line.before = async (text) => {
    if (!text.includes('b.id as "buildId"')) return;
    socket.line.before = null;
    const [row] = await rig.db.rows<{ id: number }>("select id from build");
    await rig.commands.stopBuild(CALLER, row?.id as never, { reason: "" });
  };
  const stopped = await rig.force(odd);
  expect((await rig.build(stopped, isFinished)).result).toBe(CANCELLED);
  expect(await state()).toMatchObject({ isResting: false });
  expect((await rig.build(await rig.force(odd), isFinished)).result).toBe(EXCEPTION);
  expect(await state()).toMatchObject({ isResting: true, seconds: 10 });
});

test("neither a lost connection nor a process that died counts (A-05)", async () => {
  connected.behaviour = untilStopped;
  const request = await rig.force(builder);
  await rig.build(request, isRunning);
  await until(() => connected.commands.length === 1);
  connected.lose();
  expect((await rig.build(request, isFinished)).result).toBe(RETRY);
  expect(await state()).toMatchObject({ count: 0, isResting: false });
  const again = await socket.connect("w1", { behaviour: untilStopped });
  await rig.build(request, isRunning);
  await until(() => again.commands.length === 1);
  await socket.die();
  await rig.sweep();
  await rig.build(request, isFinished);
  expect(await state()).toMatchObject({ count: 0, isResting: false });
});

test("a fault apart from any build counts too, once, for a worker of the organisation", async () => {
  const start = (orgId = CALLER.orgId) =>
    quarantineWorker(rig.db, { orgId, workerId: worker }, "its instance did not start", "jobs 1");
  expect(await start(2 as never)).toBeNull();
  const made = await start();
  expect(made).toMatchObject({ workerId: worker, seconds: 10 });
  expect(made?.generation).toBe((await state()).until?.getTime());
  expect(await start()).toBeNull();
  expect(await history("quarantined")).toEqual([
    "quarantined by jobs 1: 10 s, fault 1 in a row: its instance did not start",
  ]);
});

test("a build that broke on our side counts like any exception", async () => {
  socket.line.before = (text) => {
    if (!text.includes("in_time as")) return;
    socket.line.before = null;
    throw new Error("a fault of ours");
  };
  const request = await rig.force(builder);
  expect((await rig.build(request, isFinished)).result).toBe(EXCEPTION);
  expect(await state()).toMatchObject({ isResting: true, seconds: 10 });
});
