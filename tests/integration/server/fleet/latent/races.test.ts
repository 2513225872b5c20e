// Guarantee: each race of the specification (9.4, R1 to R10) comes to its required outcome, forced here by
// holding the losing side still at the critical moment. Others of the same ids are in life.test.ts.
import { afterEach, beforeEach, expect, test } from "vitest";
import { CANCELLED, RETRY, SUCCESS } from "../../../../../server/domain/builds";
import type { BuilderId, BuildRequestId, WorkerId } from "../../../../../server/domain/ids";
import { DriverError } from "../../../../../server/drivers/contract";
import type { FakeMachine } from "../../../../../server/drivers/fake";
import { untilStopped } from "../../../../../server/protocols/null";
import { CALLER, isFinished, isRunning, until } from "../../../../support/engine-rig";
import { createLatentRig, type JobsProcess, type LatentRig } from "../../../../support/latent-rig";

const STEP = { type: "ShellCommand", name: "run", command: ["run"] };

let latent: LatentRig;
let jobs: JobsProcess;
let worker: WorkerId;
let builder: BuilderId;
beforeEach(async () => {
  latent = await createLatentRig();
  jobs = await latent.jobs();
  worker = await latent.addLatent("vm");
  builder = await latent.rig.addBuilder("b", [worker], [STEP]);
});
afterEach(async () => {
  expect(latent.cloud.faults).toEqual([]);
  await latent.close();
});

async function ask(name = builder): Promise<BuildRequestId> {
  const request = await latent.rig.force(name);
  expect(await latent.claim(jobs, request, name, worker)).toBe(true);
  return request;
}
const see = () => jobs.fleet.see(worker);
async function askAndSee(): Promise<BuildRequestId> {
  const request = await ask();
  await see();
  return request;
}
const configure = (config: object) =>
  latent.rig.db.rows("update worker set config = $2 where id = $1", [
    worker,
    JSON.stringify(config),
  ]);
const machine = (at: number) => latent.cloud.machines[at] as FakeMachine;
const states = async () => (await latent.instances()).map(({ state }) => state);
async function hold<T>(): Promise<{ promise: Promise<T>; let: (value: T) => void }> {
  let release = (_: T) => {};
  const promise = new Promise<T>((resolve) => {
    release = resolve;
  });
  return { promise, let: (value) => release(value) };
}

test("R1: the machine logs in before the start call returned; the answer is recorded all the same", async () => {
  const answer = await hold<void>();
  latent.cloud.delayAnswer("start", answer.promise);
  const request = await ask();
  const seeing = see();
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
  answer.let();
  await seeing;
  const [instance] = await latent.rig.db.rows<{ handle: { ref: unknown } }>(
    "select handle from instance",
  );
  expect(instance?.handle.ref).toEqual({ id: 1 });
  await until(async () => {
    await see();
    return latent.cloud.alive.length === 0;
  });
});

test("R2: the start returns after the deadline: its stop queues behind the call, and nothing is left", async () => {
  latent.boots = false;
  const answer = await hold<void>();
  latent.cloud.delayAnswer("start", answer.promise);
  const request = await ask();
  const seeing = see();
  await until(() => latent.cloud.machines.length === 1);
  await latent.rig.db.rows("update latent_worker set missing_at = now() - interval '1 s'");
  void see();
  expect((await latent.rig.build(request, isFinished)).result).toBe(RETRY);
  await seeing;
  expect(latent.cloud.calls.map(({ verb }) => verb)).toEqual(["start", "stop"]);
  expect(await states()).toEqual(["gone"]);
});

test("R3: a silent death is found by the ping before a build, and the next build has another machine", async () => {
  await configure({ build_wait_timeout: 600 });
  const first = await ask();
  await see();
  await until(() => latent.workers.length === 1);
  await latent.rig.build(first, isFinished);
  // No FIN, no answer: the connection stands and is dead.
  const [agent] = latent.workers;
  if (agent) Object.assign(agent, { answersPings: false, lastHeardAt: 0 });
  const second = await ask();
  expect((await latent.rig.build(second, isFinished)).result).toBe(RETRY);
  await latent.rig.db.rows("update worker set quarantined_until = null");
  expect(await latent.claim(jobs, second, builder, worker)).toBe(true);
  await see();
  const done = await until(async () => {
    const build = await latent.rig.build(second);
    return build.state === "finished" && build.result === SUCCESS ? build : null;
  });
  expect(done.result).toBe(SUCCESS);
  expect(latent.cloud.machines).toHaveLength(2);
  expect(machine(0).state).toBe("gone");
});

test("R4: an old machine that logs in late is refused, and does not stand for the new one", async () => {
  latent.boots = false;
  const first = await ask();
  await see();
  await latent.rig.commands.stopBuild(CALLER, (await latent.rig.build(first)).id, { reason: "" });
  await jobs.sweep();
  await latent.rig.build(first, isFinished);
  const second = await ask();
  await see();
  expect(latent.cloud.machines).toHaveLength(2);
  expect(await latent.login(machine(0))).toBeNull();
  expect((await latent.row(worker)).state).toBe("starting");
  await latent.login(machine(1));
  expect((await latent.rig.build(second, isFinished)).result).toBe(SUCCESS);
});

test("R4: its password was right when it was looked at, and its generation over when it came in", async () => {
  latent.boots = false;
  await ask();
  await see();
  // The login stands between the check of its password and its session while the next machine is made.
  const isChecked = await hold<void>();
  const goOn = await hold<void>();
  const { line } = latent.socket;
  line.before = async (text) => {
    if (!text.includes("insert into worker_session")) return;
    line.before = null;
    isChecked.let();
    await goOn.promise;
  };
  const login = latent.login(machine(0));
  await isChecked.promise;
  const [build] = await latent.rig.db.rows<{ id: never }>("select id from build");
  await latent.rig.commands.stopBuild(CALLER, build?.id as never, { reason: "" });
  await jobs.sweep();
  const second = await ask();
  await see();
  expect(await latent.row(worker)).toMatchObject({ state: "starting", generation: 2 });
  goOn.let();
  expect(await login).toBeNull();
  expect((await latent.row(worker)).state).toBe("starting");
  expect((await latent.rig.build(second)).state).toBe("preparing");
  await latent.login(machine(1));
  expect((await latent.rig.build(second, isFinished)).result).toBe(SUCCESS);
});

test("T7: nobody logs in while no machine is awaited, not even with the right password", async () => {
  const secret = Buffer.from("of its own");
  await latent.rig.db.rows("update worker set sealed_password = $1 where id = $2", [
    secret,
    worker,
  ]);
  const options = { password: "of its own" };
  expect(await latent.socket.tryConnect("vm", options)).toBeNull();
  expect((await latent.row(worker)).state).toBe("insubstantiated");
  // T7b: one that stays for ever may come at any time.
  await configure({ build_wait_timeout: -1 });
  expect(await latent.socket.tryConnect("vm", options)).not.toBeNull();
  const [door] = await latent.rig.db.rows<{ detail: string }>("select detail from door_event");
  expect(door?.detail).toContain("no build waits for its machine");
});

test("R5: two builders ask in the same instant, in two processes: one start, both builds run", async () => {
  // At 0 one that comes when the other's build is over has a machine of its own.
  await configure({ build_wait_timeout: 600 });
  const other = await latent.rig.addBuilder("c", [worker], [STEP]);
  const second = await latent.jobs();
  const requests = [await latent.rig.force(builder), await latent.rig.force(other)] as const;
  await Promise.all([latent.distribute(jobs), latent.distribute(second)]);
  await until(async () => {
    await latent.distribute(jobs);
    const now = await Promise.all(requests.map((each) => latent.rig.request(each)));
    return now.every(({ state }) => state === "done");
  });
  expect(latent.cloud.machines).toHaveLength(1);
  for (const request of requests) {
    expect((await latent.rig.build(request)).result).toBe(SUCCESS);
  }
});

test("R7: a stop that fails leaves the worker free and the machine tried again until it is gone", async () => {
  latent.cloud.refuse("stop", new DriverError("provider-down", "503"), 2);
  const first = await ask();
  await see();
  await latent.rig.build(first, isFinished);
  await until(async () => {
    await see();
    return (await latent.row(worker)).state === "insubstantiated";
  });
  expect(await states()).toEqual(["stopping"]);
  const second = await ask();
  await see();
  expect((await latent.rig.build(second, isFinished)).result).toBe(SUCCESS);
  await until(async () => {
    await latent.rig.db.rows(
      "update deadline set fire_at = now() where kind = 'instance-stopping'",
    );
    await see();
    await jobs.sweep();
    return (await states()).every((state) => state === "gone");
  });
  expect(latent.cloud.alive).toEqual([]);
});

test("R9: whoever was thought dead and comes back changes nothing, and calls no more", async () => {
  latent.boots = false;
  const answer = await hold<void>();
  latent.cloud.delayAnswer("start", answer.promise);
  await ask();
  const seeing = see();
  await until(() => latent.cloud.machines.length === 1);
  // Its lease lapsed while it waited for the cloud; it lives.
  await latent.rig.db.rows("update process set gone_at = now() where id = $1", [jobs.id]);
  const heir = await latent.jobs();
  answer.let();
  await heir.sweep();
  await seeing;
  const row = await latent.row(worker);
  expect(row).toMatchObject({ state: "starting", generation: 1 });
  expect(latent.cloud.machines).toHaveLength(1);
  await latent.login(machine(0));
  await until(async () => {
    await heir.sweep();
    await heir.fleet.see(worker);
    return latent.cloud.alive.length === 0;
  });
});

/**
 * A process is thought dead in front of a statement that has these words, and lives.
 * @returns its heir; what lets it go on, and settles when it has nothing more to do
 */
async function thoughtDeadAt(
  words: string,
): Promise<{ heir: JobsProcess; goOn: () => Promise<void> }> {
  const isThere = await hold<void>();
  const goOn = await hold<void>();
  const late = jobs;
  late.before = async (text) => {
    if (!text.includes(words)) return;
    late.before = null;
    isThere.let();
    await goOn.promise;
  };
  const seeing = see();
  await isThere.promise;
  await latent.rig.db.rows("update process set gone_at = now() where id = $1", [jobs.id]);
  jobs = await latent.jobs();
  return {
    heir: jobs,
    async goOn() {
      goOn.let();
      await seeing;
    },
  };
}

test("R9: whoever was thought dead and hears a refusal late ends no start of its heir", async () => {
  latent.boots = false;
  latent.cloud.refuse("start", new DriverError("provider-down", "502"));
  const request = await ask();
  const { heir, goOn } = await thoughtDeadAt("quarantine_count + 1");
  await heir.sweep();
  expect(latent.cloud.machines).toHaveLength(1);
  await goOn();
  expect(await latent.row(worker)).toMatchObject({ state: "starting", failure: null });
  await latent.login(machine(0));
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
});

test("R9: whoever was thought dead and could not stop a machine takes the next one from nobody", async () => {
  await latent.rig.build(await askAndSee(), isFinished);
  latent.cloud.refuse("stop", new DriverError("provider-down", "502"));
  const { heir, goOn } = await thoughtDeadAt("stop_tries = stop_tries + 1");
  await heir.sweep();
  expect(await states()).toEqual(["gone"]);
  latent.boots = false;
  const second = await ask();
  await heir.fleet.see(worker);
  await goOn();
  expect((await latent.row(worker)).instance_id).not.toBeNull();
  await latent.login(machine(1));
  expect((await latent.rig.build(second, isFinished)).result).toBe(SUCCESS);
});

test.each([
  { name: "lets it go", words: "set owner_id = case when look_again", fails: null },
  { name: "gives it back", words: "with l as (", fails: { at: 1, isDone: false } },
])("R9: whoever was thought dead and $name late does not end its heir's hold", async (late) => {
  jobs.failing = late.fails;
  const { heir, goOn } = await thoughtDeadAt(late.words);
  const answer = await hold<void>();
  latent.cloud.stall("start", answer.promise);
  const request = await ask();
  const seeing = heir.fleet.see(worker);
  await until(() => latent.cloud.count("start") === 1);
  await goOn();
  expect((await latent.row(worker)).owner_id).toBe(heir.id);
  await (await latent.jobs()).fleet.see(worker);
  expect(latent.cloud.count("start")).toBe(1);
  answer.let();
  await seeing;
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
});

test("R9: whoever was thought dead and looks again late asks no provider", async () => {
  await ask();
  const { heir, goOn } = await thoughtDeadAt('as "hasOnePassword"');
  const answer = await hold<void>();
  latent.cloud.stall("start", answer.promise);
  const seeing = heir.fleet.see(worker);
  await until(() => latent.cloud.count("start") === 1);
  await goOn();
  expect(latent.cloud.count("start")).toBe(1);
  answer.let();
  await seeing;
});

test("R9: whoever was thought dead and hears that another drives it waits for its cloud no longer", async () => {
  latent.cloud.stall("start", new Promise(() => {}));
  await ask();
  const seeing = see();
  await until(() => latent.cloud.count("start") === 1);
  const heir = await latent.jobs();
  await latent.rig.db.rows(
    "update latent_worker set owner_id = $1, owner_epoch = owner_epoch + 1",
    [heir.id],
  );
  jobs.fleet.reconsider(worker);
  await seeing;
  await heir.sweep();
  await heir.fleet.see(worker);
  expect(latent.cloud.machines).toHaveLength(1);
});

test("R10: a start that is delivered twice, to two processes, makes one machine", async () => {
  const request = await ask();
  const second = await latent.jobs();
  await Promise.all([see(), second.fleet.see(worker), see(), second.fleet.see(worker)]);
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
  expect(latent.cloud.machines).toHaveLength(1);
});

test("a machine whose connection our own restart cut has a while to come back before the next is made", async () => {
  await configure({ build_wait_timeout: 600 });
  const first = await ask();
  await see();
  await until(() => latent.workers.length === 1);
  await latent.rig.build(first, isFinished);
  await latent.socket.die();
  await latent.rig.sweep();
  const second = await ask();
  await see();
  expect((await latent.row(worker)).state).toBe("substantiated");
  expect(latent.cloud.alive).toHaveLength(1);
  const next = await latent.rig.socket();
  const { name, password } = machine(0).order.agent;
  expect(await next.tryConnect(name, { password })).not.toBeNull();
  expect((await latent.rig.build(second, isFinished)).result).toBe(SUCCESS);
  expect(latent.cloud.machines).toHaveLength(1);
});

test("one that does not come back after our restart is replaced", async () => {
  await configure({ build_wait_timeout: 600 });
  const first = await ask();
  await see();
  await until(() => latent.workers.length === 1);
  await latent.rig.build(first, isFinished);
  await latent.socket.die();
  await latent.rig.sweep();
  const second = await ask();
  await see();
  expect(latent.cloud.machines).toHaveLength(1);
  await latent.rig.db.rows("update worker_session set ended_at = ended_at - interval '31 s'");
  await latent.rig.db.rows("update latent_worker set state_since = state_since - interval '1 h'");
  await see();
  expect(latent.cloud.machines).toHaveLength(2);
  expect(machine(0).state).toBe("gone");
  expect((await latent.rig.build(second)).state).toBe("preparing");
});

test("a build that runs on the machine is not killed by one who stops another that waits", async () => {
  await configure({ build_wait_timeout: 600 });
  const first = await ask();
  await see();
  await until(() => latent.workers.length === 1);
  await latent.rig.build(first, isFinished);
  const [agent] = latent.workers;
  if (agent) agent.behaviour = untilStopped;
  const running = await ask();
  const { id } = await latent.rig.build(running, isRunning);
  await see();
  expect((await latent.rig.build(running)).state).toBe("running");
  await latent.rig.commands.stopBuild(CALLER, id, { reason: "" });
  expect((await latent.rig.build(running, isFinished)).result).toBe(CANCELLED);
  await see();
  expect((await latent.row(worker)).state).toBe("substantiated");
});
