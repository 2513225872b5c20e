// Guarantee: however many machines are wanted at once, a provider gets so many calls at a time; whoever
// waits can be read, stopped and timed out as if it did not; what is to go never waits for what is to come.
import { afterEach, beforeEach, expect, test } from "vitest";
import { EXCEPTION, RETRY, SUCCESS } from "../../../../../server/domain/builds";
import type { BuilderId, BuildRequestId, WorkerId } from "../../../../../server/domain/ids";
import { DriverError } from "../../../../../server/drivers/contract";
import type { FakeMachine } from "../../../../../server/drivers/fake";
import { CALLER, isFinished, until } from "../../../../support/engine-rig";
import { createLatentRig, type JobsProcess, type LatentRig } from "../../../../support/latent-rig";

const STEP = { type: "ShellCommand", name: "run", command: ["run"] };

let latent: LatentRig;
let jobs: JobsProcess;
const workers: WorkerId[] = [];
const builders: BuilderId[] = [];
beforeEach(async () => {
  latent = await createLatentRig(2);
  jobs = await latent.jobs();
  workers.length = 0;
  builders.length = 0;
});
afterEach(async () => {
  expect(latent.cloud.faults).toEqual([]);
  await latent.close();
});

async function add(name: string, config: object = {}): Promise<number> {
  const worker = await latent.addLatent(name, config);
  builders.push(await latent.rig.addBuilder(name, [worker], [STEP]));
  return workers.push(worker) - 1;
}
async function ask(at: number): Promise<BuildRequestId> {
  const builder = builders[at] as BuilderId;
  const request = await latent.rig.force(builder);
  expect(await latent.claim(jobs, request, builder, workers[at] as WorkerId)).toBe(true);
  return request;
}
const see = (at: number, by = jobs) => by.fleet.see(workers[at] as WorkerId);
interface Machine {
  readonly state: string;
  readonly reason: string;
  readonly is_unasked: boolean;
  readonly is_failed: boolean;
  readonly end_reason: string | null;
}
async function machine(at: number): Promise<Machine | undefined> {
  const rows = await latent.rig.db.rows<Machine>(
    "select state, reason, is_unasked, is_failed, end_reason from instance where worker_id = $1 order by id desc limit 1",
    [workers[at]],
  );
  return rows[0];
}
/** Two starts that hang, which is all there may be. */
async function hang(): Promise<() => void> {
  let answer = () => {};
  const gate = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const before = latent.cloud.count("start");
  for (const name of ["busy-1", "busy-2"]) {
    latent.cloud.stall("start", gate);
    const at = await add(name, { account: "busy" });
    await ask(at);
    void see(at);
  }
  await until(async () => latent.cloud.count("start") === before + 2);
  return answer;
}

test("the third waits, says why, and comes when there is room", async () => {
  const answer = await hang();
  const third = await add("third", { account: "busy" });
  const request = await ask(third);
  await see(third);
  expect(latent.cloud.count("start")).toBe(2);
  expect(await machine(third)).toMatchObject({
    ...{ state: "requested", is_unasked: true },
    reason: "it waits for its turn: 2 machines are being started at FakeLatentWorker busy already",
  });
  // It is held by nobody, and looked at again whatever happens.
  expect(await latent.row(workers[third] as WorkerId)).toMatchObject({ owner_id: null });
  const visits = await latent.rig.db.rows(
    "select from deadline where kind = 'latent-worker' and subject_id = $1 and fire_at > now()",
    [workers[third]],
  );
  expect(visits).toHaveLength(1);
  // Another account's machine does not wait for this one's.
  const other = await add("other", { account: "free" });
  const fast = await ask(other);
  await see(other);
  expect((await latent.rig.build(fast, isFinished)).result).toBe(SUCCESS);
  answer();
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
  expect(latent.cloud.machines).toHaveLength(4);
});

test("another process has turns of its own, and takes it", async () => {
  const answer = await hang();
  const third = await add("third", { account: "busy" });
  const request = await ask(third);
  await see(third);
  const second = await latent.jobs();
  await see(third, second);
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
  answer();
  await until(async () => latent.cloud.machines.length === 3);
});

test("what waits is gone at once when nobody wants it: its provider never heard of it", async () => {
  const answer = await hang();
  const third = await add("third", { account: "busy" });
  const request = await ask(third);
  await see(third);
  const { id } = await latent.rig.build(request);
  await latent.rig.commands.stopBuild(CALLER, id, { reason: "not needed" });
  // It also looks at the two that hang.
  const swept = jobs.sweep();
  await latent.reach(workers[third] as WorkerId, "insubstantiated");
  expect(await machine(third)).toMatchObject({ state: "gone", is_failed: false });
  expect(latent.cloud.count("stop")).toBe(0);
  answer();
  await swept;
});

test("its deadline stands; that its turn did not come is nobody's failure", async () => {
  const answer = await hang();
  const third = await add("third", { account: "busy", max_preparation_failures: 1 });
  const request = await ask(third);
  await see(third);
  await latent.rig.db.rows(
    "update latent_worker set missing_at = now() - interval '1 s' where worker_id = $1",
    [workers[third]],
  );
  await see(third);
  const build = await latent.rig.build(request, isFinished);
  // Not the EXCEPTION that one failure would be.
  expect(build.result).toBe(RETRY);
  expect(await machine(third)).toMatchObject({ state: "gone", is_unasked: false });
  expect((await machine(third))?.reason).toMatch(
    /^its machine was not asked for in time: it waits for its turn: 2 machines/,
  );
  const resting = await latent.rig.db.rows("select from worker where quarantined_until > now()");
  expect(resting).toEqual([]);
  expect(latent.cloud.count("stop")).toBe(0);
  answer();
});

test("a stop does not wait for starts", async () => {
  const running = await add("running", { account: "busy", build_wait_timeout: 600 });
  const request = await ask(running);
  await see(running);
  await latent.rig.build(request, isFinished);
  const answer = await hang();
  const [{ id } = { id: 0 }] = await latent.rig.db.rows<{ id: number }>(
    "select id from instance where worker_id = $1",
    [workers[running]],
  );
  await latent.rig.fleet.stopInstance(CALLER, id as never, "it costs");
  await see(running);
  expect(await machine(running)).toMatchObject({ state: "gone" });
  answer();
});

test("a provider that asks for a pause gets it, and is asked for the same machine after it", async () => {
  const at = await add("slow", { account: "busy" });
  const request = await ask(at);
  latent.cloud.refuse(
    "start",
    new DriverError("quota", "429 too many requests", { retryAfterSeconds: 1 }),
  );
  await see(at);
  expect(latent.cloud.count("start")).toBe(1);
  const waiting = await machine(at);
  expect(waiting).toMatchObject({ state: "requested", is_unasked: false });
  expect(waiting?.reason).toMatch(
    /^it waits for its turn: 429 too many requests; FakeLatentWorker busy asked to be left alone until .* UTC$/,
  );
  // Neither a second look nor another worker's wish is a call.
  const next = await add("next", { account: "busy" });
  await ask(next);
  await see(next);
  await see(at);
  expect(latent.cloud.count("start")).toBe(1);
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
  await until(async () => latent.cloud.machines.length === 2);
  expect(new Set(latent.cloud.machines.map(({ order }) => order.tag.generation))).toEqual(
    new Set([1]),
  );
});

test("a pause that is longer than it may take ends the wait at once, with the provider's words", async () => {
  const at = await add("slow", { account: "busy" });
  const request = await ask(at);
  latent.cloud.refuse("start", new DriverError("quota", "full", { retryAfterSeconds: 3_600 }));
  await see(at);
  const build = await latent.rig.build(request, isFinished);
  expect(build.result).toBe(RETRY);
  expect((await machine(at))?.end_reason).toBe("its machine could not be started: full");
});

test("a password that cannot be read is said, and costs nobody a turn", async () => {
  const { unseal } = jobs.context;
  const broken = () => {
    throw new Error("Unsupported state or unable to authenticate data");
  };
  Object.assign(jobs.context, { unseal: broken });
  for (const name of ["one", "two", "three"]) {
    const at = await add(name, { account: "busy" });
    const request = await ask(at);
    await see(at);
    expect((await latent.rig.build(request, isFinished)).result).toBe(EXCEPTION);
    expect((await machine(at))?.end_reason).toBe(
      "its password cannot be read: it was stored under another secret key",
    );
  }
  Object.assign(jobs.context, { unseal });
  const other = await add("other", { account: "busy" });
  const request = await ask(other);
  await see(other);
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
});

test("a death while it stands in line loses nothing", async () => {
  const answer = await hang();
  const third = await add("third", { account: "busy" });
  const request = await ask(third);
  await see(third);
  // The look that its turn would bring dies right after it said that the provider is asked.
  const second = await latent.jobs();
  second.statementsLeft = 3;
  void see(third, second);
  await until(async () => second.isDead);
  await second.bury();
  const heir = await latent.jobs();
  await heir.sweep();
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
  answer();
});

test("a death behind its turn, with the provider asked: what was made is stopped", async () => {
  const answer = await hang();
  const third = await add("third", { account: "busy" });
  const request = await ask(third);
  await see(third);
  expect(await machine(third)).toMatchObject({ is_unasked: true });
  // Another process has its turn, and dies with the machine made.
  latent.boots = false;
  const second = await latent.jobs();
  latent.cloud.during("start", () => {
    second.statementsLeft = 0;
  });
  void see(third, second);
  await until(async () => second.isDead);
  await second.bury();
  const { id } = await latent.rig.build(request);
  await latent.rig.commands.stopBuild(CALLER, id, { reason: "not needed" });
  const heir = await latent.jobs();
  const swept = heir.sweep();
  await latent.reach(workers[third] as WorkerId, "insubstantiated");
  expect(latent.cloud.alive).toEqual([]);
  answer();
  await swept;
});

test("a turn is over with its call, whatever came of it", async () => {
  const at = await add("vm", { account: "busy", build_wait_timeout: 600 });
  const worker = workers[at] as WorkerId;
  const { db } = latent.rig;
  const away = () => new DriverError("provider-down", "502");
  // One more than there are turns.
  for (let n = 0; n < 3; n += 1) {
    latent.cloud.refuse("start", away());
    const request = await ask(at);
    await see(at);
    expect((await latent.rig.build(request, isFinished)).result).toBe(RETRY);
    await db.rows("update worker set quarantined_until = null");
    latent.boots = false;
    const builder = builders[at] as BuilderId;
    expect(await latent.claim(jobs, request, builder, worker)).toBe(true);
    await see(at);
    latent.cloud.refuse("inspect", away());
    await db.rows("update latent_worker set checked_at = now() - interval '1 h'");
    await see(at);
    latent.boots = true;
    await latent.login(latent.cloud.alive[0] as FakeMachine);
    expect((await latent.rig.build(request, (row) => row.result === SUCCESS)).result).toBe(SUCCESS);
    latent.cloud.refuse("stop", away(), 2);
    await latent.rig.fleet.control(CALLER, [worker], "drain", "upkeep");
    await see(at);
    for (let tries = 0; tries < 2; tries += 1) {
      await db.rows("update deadline set fire_at = now() where kind = 'instance-stopping'");
      await jobs.sweep();
    }
    expect(await machine(at)).toMatchObject({ state: "gone" });
  }
  expect(latent.cloud.count("inspect")).toBe(3);
  expect(latent.cloud.count("stop")).toBe(12);
});

test("machines that could not be stopped before are stopped in turns, too", async () => {
  latent.cloud.refuse("stop", new DriverError("provider-down", "502"), 3);
  for (const name of ["a", "b", "c"]) {
    const at = await add(name, { account: "busy" });
    const request = await ask(at);
    await see(at);
    await latent.rig.build(request, isFinished);
    await until(async () => {
      await see(at);
      return (await latent.row(workers[at] as WorkerId)).state === "insubstantiated";
    });
  }
  expect(latent.cloud.count("stop")).toBe(3);
  let answer = () => {};
  const hung = new Promise<void>((resolve) => {
    answer = resolve;
  });
  latent.cloud.stall("stop", hung);
  latent.cloud.stall("stop", hung);
  const { db } = latent.rig;
  await db.rows("update deadline set fire_at = now() where kind = 'instance-stopping'");
  const sweeping = jobs.sweep();
  await until(() => latent.cloud.count("stop") > 4);
  // Whoever had no turn was refused one before the others were asked.
  await db.rows("select");
  expect(latent.cloud.count("stop")).toBe(5);
  answer();
  await sweeping;
  await until(() => latent.cloud.alive.length === 0);
  expect(latent.cloud.count("stop")).toBe(6);
});
