/**
 * A build runs its steps to the right result and always ends, whatever the worker, the people and
 * the database do meanwhile (CORE §6, §7, B1 to B5).
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  CANCELLED,
  EXCEPTION,
  FAILURE,
  RETRY,
  SKIPPED,
  SUCCESS,
  WARNINGS,
} from "../../../../server/domain/builds";
import type { LogId } from "../../../../server/domain/ids";
import { readRaw } from "../../../../server/logs";
import {
  type Behaviour,
  completed,
  scripted,
  untilStopped,
} from "../../../../server/protocols/null";
import {
  CALLER,
  createRig,
  isFinished,
  isRunning,
  type Rig,
  type SocketProcess,
  until,
} from "../../../support/engine-rig";

let rig: Rig;
let socket: SocketProcess;
beforeEach(async () => {
  rig = await createRig();
  socket = await rig.socket();
});
afterEach(() => rig.close());

/** A step whose command is its name, so that a behaviour can tell them apart. */
const step = (name: string, options: object = {}) => ({
  type: "ShellCommand",
  name,
  command: [name],
  ...options,
});

function commandName({ command }: Parameters<Behaviour>[0]): string {
  if (command.name !== "shell") throw new Error("not a shell command");
  return [command.args.command].flat()[0] as string;
}

/** Commands called `fail…` fail, the others succeed. */
const byName: Behaviour = (running) => completed(commandName(running).startsWith("fail") ? 2 : 0);

async function run(steps: readonly object[], behaviour: Behaviour = byName) {
  const worker = await rig.addWorker("w1");
  const builder = await rig.addBuilder("b1", [worker], steps);
  const connected = await socket.connect("w1", { behaviour });
  const requestId = await rig.force(builder);
  return { connected, requestId, builder, worker };
}

async function finished(steps: readonly object[], behaviour?: Behaviour) {
  const { requestId } = await run(steps, behaviour);
  const build = await rig.build(requestId, isFinished);
  return { build, requestId, steps: await rig.steps(build.id) };
}

async function logText(buildId: number, name = "stdio"): Promise<string> {
  const [log] = await rig.db.rows<{ id: LogId }>(
    "select id from log where build_id = $1 and name = $2 order by id limit 1",
    [buildId, name],
  );
  if (!log) throw new Error("no such log");
  const parts: Buffer[] = [];
  for await (const part of readRaw(rig.db, log.id)) parts.push(part);
  return Buffer.concat(parts).toString();
}

test("B1: a step that halts leaves only those that always run", async () => {
  const { build, steps, requestId } = await finished([
    step("fail", { haltOnFailure: true }),
    step("ok"),
    step("ok", { alwaysRun: true }),
  ]);
  expect(build.result).toBe(FAILURE);
  expect(steps.map(({ name, state, result }) => [name, state, result])).toEqual([
    ["fail", "finished", FAILURE],
    ["ok", "skipped", SKIPPED],
    ["ok_1", "finished", SUCCESS],
  ]);
  expect(await rig.request(requestId)).toEqual({ state: "done", result: FAILURE });
});

test("B2: halting without flunking leaves a successful build", async () => {
  const { build, steps } = await finished([
    step("fail", { haltOnFailure: true, flunkOnFailure: false }),
    step("ok"),
  ]);
  expect(build.result).toBe(SUCCESS);
  expect(steps[1]?.state).toBe("skipped");
});

test("B3: a failure that only warns", async () => {
  const { build } = await finished([
    step("fail", { warnOnFailure: true, flunkOnFailure: false }),
    step("ok"),
  ]);
  expect(build.result).toBe(WARNINGS);
});

test("B4: a stop interrupts the step that runs, and steps that always run still run", async () => {
  const { requestId, connected } = await run(
    [step("long"), step("never"), step("cleanup", { alwaysRun: true })],
    (running) => (commandName(running) === "long" ? untilStopped(running) : completed(0)),
  );
  const { id } = await rig.build(requestId, isRunning);
  await until(() => connected.commands.length === 1);
  await rig.commands.stopBuild(CALLER, id, { reason: "wrong branch" });
  const build = await rig.build(requestId, isFinished);
  expect(build.result).toBe(CANCELLED);
  expect(build.state_string).toBe("stopped by ada@example.org: wrong branch");
  expect((await rig.steps(id)).map(({ state, result }) => [state, result])).toEqual([
    ["finished", CANCELLED],
    ["skipped", SKIPPED],
    ["finished", SUCCESS],
  ]);
  expect(await logText(id)).toContain("stopped: wrong branch");
  expect(await rig.db.rows("select from deadline")).toHaveLength(0);
});

test("a stop without a reason names who it was, on the build and in its log (K-041)", async () => {
  const { requestId, connected } = await run([step("long")], untilStopped);
  const { id } = await rig.build(requestId, isRunning);
  await until(() => connected.commands.length === 1);
  await rig.commands.stopBuild({ ...CALLER, actor: "token ci" }, id, { reason: "" });
  const build = await rig.build(requestId, isFinished);
  expect(build.state_string).toBe("stopped by token ci");
  expect(await logText(id)).toContain("stopped: by token ci, who gave no reason");
});

test("B5: a worker lost in a step leaves RETRY, and the same request is built elsewhere", async () => {
  const { requestId, connected, builder } = await run([step("long")], untilStopped);
  await until(() => connected.commands.length === 1);
  const spare = await rig.addWorker("w2");
  await rig.db.rows("insert into builder_worker values (1, $1, $2)", [builder, spare]);
  await socket.connect("w2");
  connected.lose();
  const last = await rig.build(requestId, (build) => isFinished(build) && build.number === 2);
  expect(last).toMatchObject({ result: SUCCESS, worker_id: spare });
  // One RETRY: the request did not wait again while its worker still counted as connected.
  expect((await rig.builds(requestId)).map(({ result }) => result)).toEqual([RETRY, SUCCESS]);
  expect(await rig.request(requestId)).toEqual({ state: "done", result: SUCCESS });
});

test("skipped steps, no steps at all, and a step that is not to be done first", async () => {
  const { build, steps } = await finished([step("a", { doStepIf: false }), step("b")]);
  expect(build.result).toBe(SUCCESS);
  expect(steps.map(({ state }) => state)).toEqual(["skipped", "finished"]);
  const [worker] = await rig.db.rows<{ id: number }>("select id from worker");
  const empty = await rig.addBuilder("empty", [worker?.id as never], []);
  expect((await rig.build(await rig.force(empty), isFinished)).result).toBe(SUCCESS);
});

test("a step that no version knows is an exception with its reason", async () => {
  const { build } = await finished([{ type: "Telepathy" }]);
  expect(build.result).toBe(EXCEPTION);
  expect(build.state_string).toContain("steps could not be made");
});

test("what a worker cannot run is an exception, told in the log", async () => {
  const { build } = await finished([step("ok")], () => ({ kind: "failed", message: "no shell" }));
  expect(build.result).toBe(EXCEPTION);
  expect(await logText(build.id)).toContain("no shell");
});

test("output of any size arrives whole, with watched files in logs of their own", async () => {
  const lines = Array.from({ length: 100_000 }, (_, n) => `line ${n} ${"x".repeat(80)}\n`);
  const { build } = await finished([step("ok")], async ({ sink }) => {
    for (let n = 0; n < lines.length; n += 500) {
      await sink.output("stdout", Buffer.from(lines.slice(n, n + 500).join("")));
    }
    await Promise.all([
      sink.log("test.log", Buffer.from("one\n")),
      sink.log("test.log", Buffer.from("two\n")),
    ]);
    await sink.log("test.log", Buffer.from("three\n"));
    return completed(0);
  });
  expect(build.result).toBe(SUCCESS);
  expect(await logText(build.id)).toBe(`${lines.join("")}program finished with exit code 0\n`);
  expect(await logText(build.id, "test.log")).toBe("one\ntwo\nthree\n");
  expect(await rig.db.rows("select from log where state <> 'finished'")).toHaveLength(0);
});

test("null characters in what a worker says cannot keep a build from ending", async () => {
  const { build } = await finished([step("ok")], async ({ sink }) => {
    await sink.log("a\0b", Buffer.from("text\n"));
    return { ...completed(0), failureReason: "\0\ud800" as never };
  });
  expect(build.result).toBe(SUCCESS);
});

test("a stop between two steps begins no further step", async () => {
  const { requestId, connected } = await run([step("one"), step("two"), step("three")]);
  let isAsked = false;
  // The statement that begins step two is held until the stop has arrived.
  socket.line.before = async (text) => {
    if (isAsked || !text.includes("next as (update step")) return;
    isAsked = true;
    const [build] = await rig.builds(requestId);
    if (!build) throw new Error("no build");
    await rig.commands.stopBuild(CALLER, build.id, { reason: "enough" });
    await socket.builds.obeyStops();
  };
  const build = await rig.build(requestId, isFinished);
  expect(build.result).toBe(CANCELLED);
  expect(connected.commands).toHaveLength(1);
  expect((await rig.steps(build.id)).map(({ result }) => result)).toEqual([
    SUCCESS,
    CANCELLED,
    SKIPPED,
  ]);
});

test("a stop that comes while the build is only claimed is obeyed before anything runs", async () => {
  const worker = await rig.addWorker("w1");
  const builder = await rig.addBuilder("b1", [worker], [step("ok")]);
  const connected = await socket.connect("w1");
  // The process has not looked yet when the stop is written.
  socket.line.before = (text) =>
    text.includes('b.id as "buildId"') ? until(() => isStopped).then(() => {}) : undefined;
  let isStopped = false;
  const requestId = await rig.force(builder);
  const { id } = await rig.build(requestId);
  await rig.commands.stopBuild(CALLER, id, { reason: "" });
  isStopped = true;
  expect((await rig.build(requestId, isFinished)).result).toBe(CANCELLED);
  expect(connected.commands).toHaveLength(0);
});

test("a stop that nobody heard is not undone by the loss of the worker", async () => {
  const { requestId, connected } = await run([step("long")], untilStopped);
  const { id } = await rig.build(requestId, isRunning);
  await until(() => connected.commands.length === 1);
  await rig.db.rows(
    "update build set stop_requested_at = now(), stop_requested_by = 'x' where id = $1",
    [id],
  );
  connected.lose();
  expect((await rig.build(requestId, isFinished)).result).toBe(CANCELLED);
  expect(await rig.request(requestId)).toEqual({ state: "done", result: CANCELLED });
});

test.each(["beginBuild", "nextStep", "finishBuild"])(
  "a write whose answer is lost does not leave a build that nobody ends: %s",
  async (which) => {
    const marks: Record<string, RegExp> = {
      beginBuild: /in_time as/,
      nextStep: /telling as/,
      finishBuild: /skipped as/,
    };
    socket.line.loseAnswerOf = marks[which] as RegExp;
    const { requestId } = await run([step("one"), step("two")]);
    await until(async () => (await rig.request(requestId)).state === "done");
    expect(await rig.request(requestId)).toEqual({ state: "done", result: SUCCESS });
    expect(await rig.db.rows("select from build where state <> 'finished'")).toHaveLength(0);
    expect(
      await rig.db.rows("select from step where state in ('pending', 'running')"),
    ).toHaveLength(0);
  },
);

test.each([
  ["before it begins", /in_time as/],
  ["when a log needs an id", /nextval/],
  ["between steps", /telling as/],
  ["at its end", /skipped as/],
])("a database that is away %s is waited for", async (_when, mark) => {
  let times = 0;
  socket.line.before = (text) => {
    if (!mark.test(text) || times >= 3) return;
    times += 1;
    throw Object.assign(new Error("the database system is starting up"), { code: "57P03" });
  };
  const { requestId } = await run([step("one"), step("two")]);
  expect((await rig.build(requestId, isFinished)).result).toBe(SUCCESS);
  expect(times).toBe(3);
});

test("what breaks on our side ends the build in EXCEPTION, not never", async () => {
  socket.line.before = (text) => {
    if (text.includes("telling as")) throw new Error("a fault of ours");
  };
  const { build, requestId } = await finished([step("one"), step("two")]);
  expect(build.result).toBe(EXCEPTION);
  expect(build.state_string).toContain("a fault of ours");
  expect(await rig.request(requestId)).toEqual({ state: "done", result: EXCEPTION });
});

test("a build taken away while it runs does not overlap the next one on the pair", async () => {
  let atOnce = 0;
  let most = 0;
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let count = 0;
  const { requestId, connected } = await run([step("stubborn")], async () => {
    count += 1;
    atOnce += 1;
    most = Math.max(most, atOnce);
    if (count === 1) await held;
    atOnce -= 1;
    return completed(0);
  });
  await until(() => connected.commands.length === 1);
  const [first] = await rig.builds(requestId);
  if (!first) throw new Error("no build");
  await rig.commands.stopBuild(CALLER, first.id, { reason: "", result: RETRY });
  await rig.db.rows("update deadline set fire_at = now() - interval '1 second'");
  await rig.sweep();
  expect((await rig.build(requestId, isFinished)).result).toBe(CANCELLED);
  const second = await rig.force(
    (await rig.db.rows<{ id: never }>("select id from builder"))[0]?.id as never,
  );
  await rig.build(second);
  await socket.builds.look();
  release();
  expect((await rig.build(second, isFinished)).result).toBe(SUCCESS);
  expect(most).toBe(1);
});

test("a fenced process writes nothing more", async () => {
  const { requestId, connected } = await run([step("long")], untilStopped);
  await until(() => connected.commands.length === 1);
  const [build] = await rig.builds(requestId);
  await rig.db.rows("update build set owner_epoch = owner_epoch + 1");
  connected.lose();
  await socket.builds.idle();
  const after = await rig.builds(requestId);
  expect(after).toHaveLength(1);
  expect(after[0]).toMatchObject({ id: build?.id, state: "running", result: null });
});

test("a process that stops in order leaves its builds in RETRY", async () => {
  const { requestId, connected } = await run([step("long")], untilStopped);
  await until(() => connected.commands.length === 1);
  rig.isDistributing = false;
  await socket.stop();
  expect(await rig.builds(requestId)).toMatchObject([{ state: "finished", result: RETRY }]);
  expect(await rig.request(requestId)).toEqual({ state: "pending", result: null });
});

test("a build that was claimed without anybody being told is found", async () => {
  const worker = await rig.addWorker("w1");
  const builder = await rig.addBuilder("b1", [worker], [step("ok")]);
  await socket.connect("w1");
  rig.isDistributing = false;
  const requestId = await rig.force(builder);
  const { distribute } = await import("../../../../server/engine");
  await distribute({ db: rig.db, actor: "x", now: Date.now, tell: () => {} }, CALLER.orgId);
  await socket.builds.obeyStops();
  expect((await rig.build(requestId, isFinished)).result).toBe(SUCCESS);
});

test("a builder that its worker has not heard of yet is told to it first", async () => {
  const worker = await rig.addWorker("w1");
  await socket.connect("w1");
  const builder = await rig.addBuilder("new", [worker], [step("ok")]);
  expect((await rig.build(await rig.force(builder), isFinished)).result).toBe(SUCCESS);
});

test("a builder that its worker loses while it builds keeps the build", async () => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { requestId, connected } = await run([step("long")], scripted({ wait: held }));
  await until(() => connected.commands.length === 1);
  await rig.db.rows("delete from builder_worker");
  await socket.sessions.reconfigure(CALLER.orgId);
  release();
  expect((await rig.build(requestId, isFinished)).result).toBe(SUCCESS);
  await socket.sessions.reconfigure(CALLER.orgId);
  expect(connected.builders).toEqual([]);
});
