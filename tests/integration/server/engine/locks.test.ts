/**
 * Guarantee: what builds and steps take turns at is never had by more than its count, however many
 * processes claim at once; it is let go whatever ends the build; and who waits is told for whom
 * (CORE §11, W-061, W-063).
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { CANCELLED, EXCEPTION, RETRY, SUCCESS } from "../../../../server/domain/builds";
import type { BuilderId, BuildRequestId, WorkerId } from "../../../../server/domain/ids";
import { accessesOf } from "../../../../server/domain/locks";
import { distribute, whyWaiting } from "../../../../server/engine";
import {
  type Behaviour,
  completed,
  type NullWorker,
  scripted,
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

const STEP = { type: "ShellCommand", name: "run", command: ["run"] };

let rig: Rig;
/** Lets the command of that name end. */
let release: (name: string) => void;
let behaviour: Behaviour;
beforeEach(async () => {
  rig = await createRig();
  const open = new Set<string>();
  const waiting = new Map<string, () => void>();
  release = (name) => {
    open.add(name);
    waiting.get(name)?.();
  };
  behaviour = (running) => {
    const { command } = running;
    const name = command.name === "shell" ? String([command.args.command].flat()[0]) : "";
    if (open.has(name) || name === "run") return completed(0);
    const opened = new Promise<void>((resolve) => waiting.set(name, resolve));
    return scripted({ wait: opened })(running);
  };
});
afterEach(() => rig.close());

async function addLock(name: string, given: object = {}): Promise<void> {
  const { kind = "MasterLock", maxCount = 1, each = {} } = given as Record<string, never>;
  const counts = [maxCount, ...Object.values(each as Record<string, number>)];
  await rig.db.rows(
    `insert into lock (org_id, kind, name, max_count, max_count_for_worker, places)
     values (1, $1, $2, $3, $4, $5)`,
    [kind, name, maxCount, JSON.stringify(each), Math.max(...counts)],
  );
}

const lockOn = (table: "worker" | "builder", id: number, locks: readonly unknown[]) =>
  rig.db.rows(`update ${table} set locks = $2 where id = $1`, [
    id,
    JSON.stringify(accessesOf(locks)),
  ]);

async function workersOn(socket: SocketProcess, names: readonly string[]) {
  const made: { id: WorkerId; connected: NullWorker }[] = [];
  for (const name of names) {
    const id = await rig.addWorker(name);
    made.push({ id, connected: await socket.connect(name, { behaviour }) });
  }
  return made;
}

async function builder(
  name: string,
  workers: readonly { id: WorkerId }[],
  locks: readonly unknown[],
) {
  const id = await rig.addBuilder(
    name,
    workers.map((worker) => worker.id),
    [{ ...STEP, command: [name] }],
  );
  await lockOn("builder", id, locks);
  return id;
}

const why = async (request: BuildRequestId) =>
  (await whyWaiting(rig.db, CALLER.orgId, [request], Date.now())).get(request);

const held = () =>
  rig.db.rows<{ name: string; place: number }>(
    "select l.name, o.place from lock_owner o join lock l on l.id = o.lock_id order by 1, 2",
  );

test("one build at a time on all workers of two processes has a lock; the other is told who", async () => {
  const [a, b] = [await rig.socket(), await rig.socket()];
  const workers = [...(await workersOn(a, ["w1"])), ...(await workersOn(b, ["w2"]))];
  await addLock("db");
  const first = await rig.force(await builder("first", workers, ["db"]));
  const running = await rig.build(first, isRunning);
  const second = await rig.force(await builder("second", workers, ["db"]));
  await rig.distribute();
  expect(await why(second)).toMatchObject({
    code: "locked",
    sentence: `It waits for lock db, held by first #${running.number}.`,
  });
  expect(await held()).toEqual([{ name: "db", place: 1 }]);
  release("first");
  release("second");
  expect(await rig.build(second, isFinished)).toMatchObject({ result: SUCCESS });
  expect(await held()).toEqual([]);
});

test("distributors that see the same moment never give out more than there is", async () => {
  const [a, b] = [await rig.socket(), await rig.socket()];
  rig.isDistributing = false;
  const names = (prefix: string) => Array.from({ length: 6 }, (_, n) => `${prefix}${n}`);
  const workers = [...(await workersOn(a, names("a"))), ...(await workersOn(b, names("b")))];
  await addLock("three", { maxCount: 3 });
  await addLock("each", { kind: "WorkerLock" });
  const builders: BuilderId[] = [];
  for (let n = 0; n < 12; n += 1) {
    const locks = n === 5 ? [{ name: "three", mode: "exclusive" }] : ["three", "each"];
    builders.push(await builder(`b${n}`, workers, locks));
    release(`b${n}`);
  }
  const requests: BuildRequestId[] = [];
  for (let round = 0; round < 2; round += 1) {
    for (const id of builders) requests.push(await rig.force(id));
  }
  const most = { together: 0, withExclusive: 0 };
  const distributor = (actor: string) =>
    distribute(
      { db: rig.db, actor, now: Date.now, tell: (owner) => (owner === a.id ? a : b).told("") },
      CALLER.orgId,
    );
  await until(async () => {
    await Promise.all([distributor("jobs 1"), distributor("jobs 2"), distributor("jobs 3")]);
    const [seen] = await rig.db.rows<{ together: number; exclusive: boolean; left: number }>(
      `select (select count(distinct build_id) from lock_owner o join lock l on l.id = o.lock_id where l.name = 'three') as together,
         (select coalesce(bool_or(is_exclusive), false) from lock_owner) as exclusive,
         (select count(*) from build_request where state in ('pending', 'claimed')) as left`,
    );
    const { together = 0, exclusive = false, left = 1 } = seen ?? {};
    most.together = Math.max(most.together, together);
    if (exclusive) most.withExclusive = Math.max(most.withExclusive, together);
    return left === 0;
  });
  expect(most.together).toBeLessThanOrEqual(3);
  expect(most.withExclusive).toBeLessThanOrEqual(1);
  for (const request of requests) {
    expect(await rig.build(request, isFinished)).toMatchObject({ result: SUCCESS });
  }
  expect(await held()).toEqual([]);
  // What the history says: no two builds of different places at once is not enough; count overlaps.
  const [overlap] = await rig.db.rows<{ most: number }>(
    `select max(n) as most from (select count(*) as n from build x join build y
       on y.created_at <= x.created_at and y.complete_at > x.created_at group by x.id) z`,
  );
  expect(overlap?.most).toBeLessThanOrEqual(3);
});

test("a worker's lock has its own count on each, and is held by builds of all builders", async () => {
  const socket = await rig.socket();
  const workers = await workersOn(socket, ["small", "big"]);
  await addLock("cpu", { kind: "WorkerLock", each: { big: 2 } });
  for (const { id } of workers) await lockOn("worker", id, ["cpu"]);
  const requests: BuildRequestId[] = [];
  for (const name of ["one", "two", "three", "four"]) {
    requests.push(await rig.force(await builder(name, workers, [])));
  }
  await rig.distribute();
  const running = async () =>
    rig.db.rows<{ name: string }>(
      "select w.name from build b join worker w on w.id = b.worker_id where b.state <> 'finished' order by 1",
    );
  expect((await running()).map(({ name }) => name)).toEqual(["big", "big", "small"]);
  const [left] = await Promise.all(requests.slice(3).map(why));
  expect(left?.code).toBe("locked");
  for (const name of ["one", "two", "three", "four"]) release(name);
  for (const request of requests) {
    expect(await rig.build(request, isFinished)).toMatchObject({ result: SUCCESS });
  }
});

test("who wants it alone is not passed by: requests after it wait for their turn", async () => {
  const socket = await rig.socket();
  const workers = await workersOn(socket, ["w1", "w2", "w3"]);
  await addLock("db", { maxCount: 2 });
  const first = await rig.force(await builder("first", workers, ["db"]));
  await rig.build(first, isRunning);
  const alone = await rig.force(
    await builder("alone", workers, [{ name: "db", mode: "exclusive" }]),
  );
  const later = await rig.force(await builder("later", workers, ["db"]));
  await rig.distribute();
  expect(await rig.builds(later)).toEqual([]);
  expect((await why(alone))?.sentence).toBe("It waits for lock db, held by first #1.");
  expect((await why(later))?.sentence).toBe("It waits for lock db, which alone waited for before.");
  release("first");
  await rig.build(alone, isRunning);
  expect(await rig.builds(later)).toEqual([]);
  release("alone");
  release("later");
  expect(await rig.build(later, isFinished)).toMatchObject({ result: SUCCESS });
});

test("a lost worker, a dead process and a stopped build let go of their locks", async () => {
  const [a, b] = [await rig.socket(), await rig.socket()];
  const [lost] = await workersOn(a, ["lost"]);
  const [other] = await workersOn(b, ["other"]);
  await addLock("db");
  const id = await builder("held", [lost, other] as { id: WorkerId }[], ["db"]);
  const request = await rig.force(id);
  const first = await rig.build(request, isRunning);
  expect(await held()).toHaveLength(1);
  const connected = first.worker_id === lost?.id ? lost?.connected : other?.connected;
  connected?.close({ code: "peer-closed", message: "the line was cut" });
  expect(
    await rig.build(request, ({ id: next, state }) => next !== first.id && state === "running"),
  );
  const [, second] = await rig.builds(request);
  const process = second?.owner_id === a.id ? a : b;
  await process.die();
  await rig.sweep();
  const retried = await rig.builds(request);
  expect(retried.slice(0, 2)).toMatchObject([{ result: RETRY }, { result: RETRY }]);
  const third = await rig.force(
    await builder("third", [lost, other] as { id: WorkerId }[], ["db"]),
  );
  // Nobody is left to hold it but builds that are not over.
  const [over] = await rig.db.rows<{ count: number }>(
    "select count(*) from lock_owner o join build b on b.id = o.build_id where b.state = 'finished'",
  );
  expect(over?.count).toBe(0);
  await rig.commands.cancelRequest(CALLER, request, "enough");
  await rig.commands.cancelRequest(CALLER, third, "enough");
  await until(async () => (await held()).length === 0);
});

test("steps take turns: one waits, says for whom, and goes on at once when it is let go", async () => {
  const [a, b] = [await rig.socket(), await rig.socket()];
  const workers = [...(await workersOn(a, ["w1"])), ...(await workersOn(b, ["w2"]))];
  await addLock("port");
  const make = async (name: string, on: number) => {
    const steps = [
      { ...STEP, name: "before" },
      { ...STEP, name: "use", command: [name], locks: ["port"] },
      { ...STEP, name: "after", command: [`${name} after`] },
    ];
    return rig.addBuilder(name, [(workers[on] as { id: WorkerId }).id], steps);
  };
  const first = await rig.force(await make("first", 0));
  const one = await rig.build(first, isRunning);
  await until(async () => (await held()).length === 1);
  const second = await rig.force(await make("second", 1));
  const two = await rig.build(second, ({ state_string }) => state_string.startsWith("waiting for"));
  expect(two.state_string).toBe(`waiting for lock port, held by first #${one.number}`);
  const step = (await rig.steps(two.id))[1];
  expect(step).toMatchObject({ state: "running", state_string: two.state_string });
  // The step's end lets it go, not the build's.
  release("first");
  await until(
    async () => (await rig.steps(two.id))[1]?.state_string.startsWith("waiting") === false,
  );
  expect((await rig.build(first)).state).toBe("running");
  for (const name of ["second", "second after", "first after"]) release(name);
  expect(await rig.build(second, isFinished)).toMatchObject({ result: SUCCESS });
  expect(await rig.build(first, isFinished)).toMatchObject({ result: SUCCESS });
  expect(await held()).toEqual([]);
  expect(await rig.db.rows("select from lock_waiter")).toEqual([]);
  const [acquired] = await rig.db.rows<{ after: boolean }>(
    "select locks_acquired_at > started_at as after from step where build_id = $1 and name = 'use'",
    [two.id],
  );
  expect(acquired?.after).toBe(true);
});

test("a step that waits stops waiting when its build is stopped, or its worker is lost", async () => {
  const socket = await rig.socket();
  const workers = await workersOn(socket, ["w1", "w2"]);
  await addLock("port");
  const use = { ...STEP, name: "use", locks: [{ name: "port", mode: "exclusive" }] };
  const [w1, w2] = workers as [(typeof workers)[0], (typeof workers)[0]];
  const holder = await rig.force(
    await rig.addBuilder("h", [w1.id], [{ ...use, command: ["hold"] }]),
  );
  await rig.build(holder, isRunning);
  await until(async () => (await held()).length === 1);
  const waiter = await rig.addBuilder("w", [w2.id], [use]);
  const waits = ({ state_string }: { state_string: string }) =>
    state_string.startsWith("waiting for");

  const stopped = await rig.force(waiter);
  const build = await rig.build(stopped, waits);
  await rig.commands.stopBuild(CALLER, build.id, { reason: "no need" });
  expect(await rig.build(stopped, isFinished)).toMatchObject({ result: CANCELLED });
  expect(await rig.db.rows("select from lock_waiter")).toEqual([]);

  const lost = await rig.force(waiter);
  await rig.build(lost, waits);
  w2.connected.close({ code: "peer-closed", message: "the line was cut" });
  expect(await rig.build(lost, isFinished)).toMatchObject({ result: RETRY });
  expect(await rig.db.rows("select from lock_waiter")).toEqual([]);
  release("hold");
});

test("a step that wants what its build holds ends in EXCEPTION, and says so", async () => {
  const socket = await rig.socket();
  const [worker] = await workersOn(socket, ["w1"]);
  await addLock("db");
  const id = await rig.addBuilder("b", [worker?.id as WorkerId], [{ ...STEP, locks: ["db"] }]);
  await lockOn("builder", id, ["db"]);
  const build = await rig.build(await rig.force(id), isFinished);
  expect(build.result).toBe(EXCEPTION);
  expect(await held()).toEqual([]);
});
